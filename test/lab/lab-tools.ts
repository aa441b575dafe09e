/** What the tests of the lab itself share. */
import assert from "node:assert/strict";
import { createConnection } from "mysql2/promise";
import { Client } from "ssh2";
import type { DirectorEntry, Lab, ServerEntry } from "../../lab";

/** Ways IPVS forwards, by ipvsadm's letter. */
const METHODS = { nat: "-m", dr: "-g", tun: "-i" } as const;
export const METHOD_NAMES = ["nat", "dr", "tun"] as const;

/** An address as it stands before a port. */
export function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Runs a program on a node and returns its output; fails the test when it fails. */
export async function output(lab: Lab, node: string, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(node, argv);
  assert.equal(code, 0, `${argv.join(" ")} on ${node}: ${stderr}`);
  return stdout.trim();
}

/** The web servers of a lab. */
export function webServers(lab: Lab): readonly ServerEntry[] {
  return lab.inventory.servers.filter((server) => server.role === "web");
}

/** Writes the same round-robin virtual server on all directors, in place of everything they had. */
export async function balance(
  lab: Lab,
  protocol: "tcp" | "udp",
  virtual: string,
  port: number,
  method: keyof typeof METHODS,
): Promise<void> {
  const service = `-${protocol[0]} ${bracketed(virtual)}:${port}`;
  const members = webServers(lab).map((server) => {
    const address = virtual.includes(":") ? server.address6 : server.address;
    return `-a ${service} -r ${bracketed(address)}:${port} ${METHODS[method]} -w 1`;
  });
  const rules = [`-A ${service} -s rr`, ...members].join("\n");
  for (const { name } of lab.inventory.directors) {
    await output(lab, name, "ipvsadm", "-C");
    const { code, stderr } = await lab.exec(name, ["ipvsadm", "-R"], { stdin: `${rules}\n` });
    assert.equal(code, 0, stderr);
  }
}

/** How many connections to a virtual address a director knows, closed ones of the last minutes included. */
export async function connectionsOf(lab: Lab, director: string, virtual: string): Promise<number> {
  const lines = (await output(lab, director, "ipvsadm", "-Lnc")).split("\n");
  return lines.filter((line) => line.includes(` ${bracketed(virtual)}:`)).length;
}

/** Logs in with the key of the inventory; fails unless the host key is the one of the inventory. */
export function login(director: DirectorEntry): Promise<Client> {
  const client = new Client();
  return new Promise((resolve, reject) => {
    client.on("ready", () => resolve(client));
    client.on("error", reject);
    client.connect({
      host: director.host,
      port: director.port,
      username: director.user,
      privateKey: director.privateKey,
      hostVerifier: (key: Buffer) => key.toString("base64") === director.hostKey.split(" ")[1],
    });
  });
}

/** Runs a command line over SSH and returns its output. */
export function remote(client: Client, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, stream) => {
      if (error) return reject(error);
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      stream.on("close", () => resolve(text.trim()));
    });
  });
}

/** Runs one statement on db1, through a director. */
export async function query(
  client: Client,
  lab: Lab,
  user: string,
  password: string,
  sql: string,
): Promise<unknown> {
  const address =
    lab.inventory.servers.find((server) => server.name === "db1")?.address ?? assert.fail("no db1");
  const stream = await new Promise<unknown>((resolve, reject) => {
    client.forwardOut("127.0.0.1", 0, address, 3306, (error, channel) =>
      error ? reject(error) : resolve(channel),
    );
  });
  const connection = await createConnection({ user, password, stream });
  try {
    const [rows] = await connection.query(sql);
    return rows;
  } finally {
    connection.destroy();
  }
}
