/** Clients of an agent's API, in a process of their own that its parent has bound to one core: reads as fast as they are answered, changes at a pace. */
import * as http from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { realServerId, virtualServerId } from "../../agent/api/ids";
import { AGENT_PROTOCOL, PROTOCOL_HEADER } from "../../director/data";
import { servicesOf } from "../plan";

/** Connections that read, one request after the other. */
const READERS = 16;
const CHANGES_PER_S = 50;

/** What the clients met. */
export interface Met {
  readonly readsPerS: number;
  readonly changesPerS: number;
  readonly readP99Ms: number;
  readonly changeP50Ms: number;
  readonly changeP99Ms: number;
  /** Answers that were none of those expected. */
  readonly errors: number;
  /** Weights in the table that are not those that were last declared. */
  readonly wrong: number;
}

const [socketPath = "", virtualServers = "", servers = "", durationMs = ""] = process.argv.slice(2);
const services = servicesOf({ virtualServers: Number(virtualServers), servers: Number(servers) }).map(
  (one) => ({
    ...one,
    path: `/v1/virtual-servers/${virtualServerId({ protocol: "tcp", address: one.address, port: one.port })}`,
  }),
);
const agent = new http.Agent({ keepAlive: true, maxSockets: READERS + CHANGES_PER_S });

function ask(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
  const text = body && JSON.stringify(body);
  const headers = {
    [PROTOCOL_HEADER]: AGENT_PROTOCOL,
    ...(text !== undefined && { "content-type": "application/json", "content-length": text.length }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ socketPath, method, path, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(text);
  });
}

async function fill(): Promise<void> {
  for (const { address, port, members } of services) {
    const realServers = members.map((one) => ({ address: one.address, port: one.port }));
    const body = { address, port, scheduler: "wrr", healthCheck: { type: "none" }, realServers };
    const { status, text } = await ask("POST", "/v1/virtual-servers", body);
    if (status !== 201) throw new Error(text);
  }
}

async function main(): Promise<Met> {
  await fill();
  const end = performance.now() + Number(durationMs);
  const [reads, changes]: [number[], number[]] = [[], []];
  const wanted = new Map<string, number>();
  let errors = 0;
  const timed = async (into: number[], work: () => Promise<{ status: number }>) => {
    const start = performance.now();
    const { status } = await work();
    into.push(performance.now() - start);
    if (status !== 200) errors++;
  };
  const read = async (reader: number) => {
    for (let turn = reader; performance.now() < end; turn += 7) {
      const { path } = services[turn % services.length] as (typeof services)[number];
      await timed(reads, () => ask("GET", path));
    }
  };
  const changeOne = async (turn: number) => {
    const { path, address, members } = services[turn % services.length] as (typeof services)[number];
    const member = members[turn % members.length] as (typeof members)[number];
    const weight = 1 + (turn % 100);
    wanted.set(`${address} ${member.address}`, weight);
    await timed(changes, () => ask("PUT", `${path}/real-servers/${realServerId(member)}/weight`, { weight }));
  };
  /** One does not wait for the one before. */
  const change = async () => {
    const began = performance.now();
    const made: Promise<void>[] = [];
    for (let turn = 0; performance.now() < end; turn++) {
      await delay(Math.max(0, began + (turn * 1000) / CHANGES_PER_S - performance.now()));
      made.push(changeOne(turn));
    }
    await Promise.all(made);
  };
  const start = performance.now();
  await Promise.all([change(), ...Array.from({ length: READERS }, (_, reader) => read(reader))]);
  const s = (performance.now() - start) / 1000;
  return {
    readsPerS: reads.length / s,
    changesPerS: changes.length / s,
    readP99Ms: quantile(reads, 0.99),
    changeP50Ms: quantile(changes, 0.5),
    changeP99Ms: quantile(changes, 0.99),
    errors,
    wrong: await wrongWeights(wanted),
  };
}

/** Compares what the agent says the table is with what was declared last, server by server. */
async function wrongWeights(wanted: ReadonlyMap<string, number>): Promise<number> {
  const { text } = await ask("GET", "/v1/state");
  const { table } = JSON.parse(text) as { table: string[] };
  const entries = table.flatMap((line) => {
    const [, service, server, weight] =
      /^-a -t ([0-9.]+):80 -r ([0-9.]+):80 -m -w ([0-9]+)$/.exec(line) ?? [];
    return service === undefined ? [] : [{ name: `${service} ${server}`, weight: Number(weight) }];
  });
  const found = new Map(entries.map(({ name, weight }) => [name, weight]));
  const all = services.flatMap(({ address, members }) => members.map((one) => `${address} ${one.address}`));
  return all.filter((one) => found.get(one) !== (wanted.get(one) ?? 1)).length;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

main().then(
  (met) => {
    process.stdout.write(`${JSON.stringify(met)}\n`);
    process.exit(0);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
