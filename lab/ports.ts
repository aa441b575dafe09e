/** Listening sockets of this machine, to be handed to the keeper. */
import { createServer, type Server } from "node:net";
import { errnoOf } from "./errors";

/** A socket that listens on 127.0.0.1. */
export interface Listener {
  readonly port: number;
  readonly server: Server;
}

/** One listener for each wanted port; 0 or a port that is taken by somebody else yields another one. */
export async function listenOnEach(wanted: readonly number[]): Promise<Listener[]> {
  const listeners: Listener[] = [];
  for (const port of wanted) listeners.push((await listen(port)) ?? (await anyPort()));
  return listeners;
}

async function anyPort(): Promise<Listener> {
  const listener = await listen(0);
  if (!listener) throw new Error("127.0.0.1 has no free port left");
  return listener;
}

/** undefined when the port is taken. */
function listen(port: number): Promise<Listener | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error) => (errnoOf(error) === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("not a TCP socket"));
      resolve({ port: address.port, server });
    });
  });
}
