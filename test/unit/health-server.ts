/** Servers on loopback, and how the tests of checks reach them. */
import { once } from "node:events";
import * as net from "node:net";
import { Duplex } from "node:stream";
import type { Dial, Target } from "../../health";
import { type ActiveHealthCheck, healthCheck } from "../../spec";

/** Dials from this host, and says why it could not, as a director does. */
export const dial: Dial = async ({ address, port }, signal) => {
  const socket = net.connect({ host: address, port });
  const abort = () => socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  await once(socket, "connect", { signal }).catch((error) => {
    throw error.code ? new Error(`cannot connect: ${error.code}`) : error;
  });
  return socket;
};
/** A check in normal form, quick enough for a test. */
export const settings = (check: object) =>
  healthCheck.parse({ timeoutMs: 1_000, intervalMs: 5, ...check }) as ActiveHealthCheck;

/** A signal that does not fire. */
export const never: AbortSignal = new AbortController().signal;

/** A server on loopback for as long as a test runs. */
export async function serve(server: net.Server, test: (target: Target) => Promise<void>): Promise<void> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await test({ address: "127.0.0.1", port: (server.address() as net.AddressInfo).port });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** The same through a stream that is no socket, as a channel of an SSH session is none: it knows no errors, only ends. */
export const dialStream: Dial = async (target, signal) => {
  const socket = (await dial(target, signal)) as net.Socket;
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => void socket.write(chunk, () => done()),
    final: (done) => void socket.end(done),
    destroy: (_error, done) => {
      socket.destroy();
      done(null);
    },
  });
  socket.on("data", (chunk) => stream.push(chunk)).on("error", () => undefined);
  socket.on("close", () => stream.destroyed || stream.push(null));
  return stream;
};
