import type { Site } from "./site";

/** Whom to ask, and how. */
export interface Asked {
  /** Of the three an HTTP request is a connection that the server closes, so that the client may use its port again at once. */
  readonly by: "http" | "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  /** The client's address. Default: the lab's client's own. */
  readonly from?: string;
  /** How long to wait for an answer. Default: 10 s, which is for answers that come. */
  readonly patienceMs?: number;
}

/** Asks from one source port after the other, and prints what each got, one a line. Runs in the lab's client. */
const ASK_FROM = `
const { createSocket } = require("node:dgram");
const { connect } = require("node:net");
const [{ by, address, port, from, patienceMs = 10000 }, ports] = JSON.parse(process.argv[1]);
const datagram = (localPort, done) => {
  const socket = createSocket("udp4");
  socket.on("error", (error) => done(error.code)).on("message", (text) => done(String(text).trim()));
  socket.bind({ port: localPort, address: from }, () => socket.connect(port, address, () => socket.send("?\\n")));
  return () => socket.close();
};
const connection = (localPort, done) => {
  const socket = connect({ host: address, port, localPort, localAddress: from });
  let text = "";
  socket.on("error", (error) => done(error.code)).on("data", (chunk) => {
    text += chunk;
    if (by === "tcp" && text.endsWith("\\n")) socket.end();
  });
  socket.on("close", () => done(text.trim().split("\\r\\n").pop() || "nothing"));
  socket.write(by === "tcp" ? "?\\n" : "GET / HTTP/1.1\\r\\nHost: lab\\r\\nConnection: close\\r\\n\\r\\n");
  return () => socket.destroy();
};
const ask = (localPort) => new Promise((resolve) => {
  const timer = setTimeout(() => done("silence"), patienceMs);
  let over = false;
  const done = (answer) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    close();
    resolve(answer);
  };
  const close = (by === "udp" ? datagram : connection)(localPort, done);
});
(async () => { for (const localPort of ports) console.log(await ask(localPort)); })();
`;

/**
 * Asks from source ports of the caller's choice, each a flow of its own.
 *
 * @returns for each port the name of the server that answered, `silence`, or the error's code
 */
export async function askFrom(site: Site, asked: Asked, ports: readonly number[]): Promise<string[]> {
  const given = JSON.stringify([asked, ports]);
  return (await site.on("client", process.execPath, "-e", ASK_FROM, given)).trim().split("\n");
}

/** Asks the agent of a director where flows from so many source ports go, and prints a list for each place. */
const COMPUTE = `
const http = require("node:http");
const [client, places, ports] = JSON.parse(process.argv[1]);
const ask = (port, to) => new Promise((resolve, reject) => {
  const query = new URLSearchParams({ client: client + ":" + port, to });
  http.get({ socketPath: "/run/heye/agent.sock", path: "/v1/flow?" + query, agent: false }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(JSON.parse(text)[0].server));
  }).on("error", reject);
});
(async () => {
  const all = [];
  for (const to of places) {
    const servers = [];
    for (const port of ports) servers.push(await ask(port, to));
    all.push(servers);
  }
  console.log(JSON.stringify(all));
})();
`;

/** Flows that may begin: from each of these ports to each of these places. */
export interface Flows {
  readonly client: string;
  /** `192.0.2.10:80` */
  readonly places: readonly string[];
  readonly ports: readonly number[];
}

/**
 * What a director's agent says of flows.
 *
 * @returns for each place and port the server, as `10.20.1.2:80`
 */
export async function computeFrom(
  site: Site,
  director: string,
  { client, places, ports }: Flows,
): Promise<string[][]> {
  const given = JSON.stringify([client, places, ports]);
  return JSON.parse(await site.on(director, process.execPath, "-e", COMPUTE, given)) as string[][];
}
