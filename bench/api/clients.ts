/**
 * Clients of an agent's API, in a process of their own: reads as fast as they are answered, changes at a pace. Reads an
 * {@link ApiOrder} from standard input, and prints what they {@link Met}.
 */
import { text } from "node:stream/consumers";
import { type PlannedService, servicesOf } from "../plan";
import { ApiClient } from "./api-client";
import { CHANGES_PER_S, Changes, pathOf } from "./changes";
import { Declared, weightsIn } from "./declared";
import type { ApiOrder, Met } from "./order";

/** Connections that read, one request after the other. */
const READERS = 16;

async function main(): Promise<Met> {
  const { socketPath, plan, busy, durationMs, table } = JSON.parse(await text(process.stdin)) as ApiOrder;
  const client = new ApiClient(socketPath, READERS + CHANGES_PER_S);
  const own = servicesOf(plan);
  const all = busy ? [busy, ...own] : own;
  const counted = new Counted(client);
  for (const one of own) await declare(client, one);
  const declared = new Declared(all);
  const changes = new Changes(own, busy, declared, counted);
  const begin = performance.now();
  const end = begin + durationMs;
  const read = async (reader: number) => {
    for (let turn = reader; performance.now() < end; turn += 7) {
      const service = all[turn % all.length];
      if (service) await counted.read(pathOf(service));
    }
  };
  const readers = Array.from({ length: READERS }, (_, reader) => read(reader));
  const [answered] = await Promise.all([changes.until(end), ...readers]);
  const { reads, made, errors, firstError } = counted;
  const wrong = declared.wrongIn(await weightsIn(table, client));
  for (const one of own) await remove(client, one);
  return {
    readsPerS: (reads.length * 1_000) / durationMs,
    changesPerS: (made.length * 1_000) / (answered - begin),
    readP99Ms: quantile(reads, 0.99),
    changeP50Ms: quantile(made, 0.5),
    changeP99Ms: quantile(made, 0.99),
    ...{ moves: changes.moves, errors, firstError, wrong },
  };
}

/** Asks, and counts how long it took and what was no success. */
class Counted {
  readonly reads: number[] = [];
  readonly made: number[] = [];
  errors = 0;
  firstError = "";

  constructor(private readonly client: ApiClient) {}

  readonly read = (path: string) => this.#ask(this.reads, "GET", path);
  readonly change = (method: string, path: string, body?: object) => this.#ask(this.made, method, path, body);
  /** Asks whether something is there; that it is not is no error. */
  readonly isThere = async (path: string) => (await this.client.ask("GET", path)).status === 200;

  async #ask(into: number[], method: string, path: string, body?: object) {
    const start = performance.now();
    const answered = await this.client.ask(method, path, body);
    into.push(performance.now() - start);
    if (answered.status < 200 || answered.status > 299) {
      if (this.errors++ === 0) this.firstError = `${method} ${path}: ${answered.status} ${answered.text}`;
    }
    return answered;
  }
}

async function declare(client: ApiClient, service: PlannedService): Promise<void> {
  const { address, port, members } = service;
  const realServers = members.map((one) => ({ address: one.address, port: one.port }));
  const body = { address, port, scheduler: "wrr", healthCheck: { type: "none" }, realServers };
  const { status, text: answer } = await client.ask("POST", "/v1/virtual-servers", body);
  if (status !== 201) throw new Error(answer);
}

async function remove(client: ApiClient, service: PlannedService): Promise<void> {
  const { status, text: answer } = await client.ask("DELETE", `${pathOf(service)}?drain-ms=0`);
  if (status < 200 || status > 299) throw new Error(`DELETE ${pathOf(service)}: ${status} ${answer}`);
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
