/**
 * Runs beside the directors of the lab, where all their processes are seen: asks one agent's API for changes, and looks into every
 * director's table until all hold them. Reads a {@link SpreadOrder} from standard input, and prints what came of it.
 */
import { readdirSync, readFileSync } from "node:fs";
import * as http from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { AGENT_SOCKET } from "../../director/data";
import { orGone } from "../proc";
import { parseProcTable } from "./kernel-table";

/** A change, and what every table holds when it is everywhere. */
export interface SpreadStep {
  /** Of the API; absent: whatever makes it so is done by somebody else. */
  readonly request?: { readonly method: string; readonly path: string; readonly body: object };
  /** `10.200.0.1:80` and `10.100.0.1:80` */
  readonly service: string;
  readonly server: string;
  readonly weight: number;
}

export interface SpreadOrder {
  /** How many directors there are. */
  readonly directors: number;
  readonly steps: readonly SpreadStep[];
  /** After each step. */
  readonly pauseMs: number;
}

/** What came of a step, in seconds since it began. */
export interface Spread {
  /** Until the agent that was asked answered; 0 where none was. */
  readonly answeredS: number;
  /** Until every kernel held it. */
  readonly heldS: number;
}

const POLL_MS = 10;
const PATIENCE_MS = 120_000;

/** Agents' processes, one for each director. */
function agents(): number[] {
  const isAgent = (pid: number) =>
    orGone(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"))?.includes("heye-agent.js\0run\0") === true;
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && isAgent(pid));
}

/** Whether the table of the network that a process is in has a server with this weight. */
function holds(pid: number, { service, server, weight }: SpreadStep): boolean {
  const groups = parseProcTable(readFileSync(`/proc/${pid}/net/ip_vs`, "utf8"));
  const found = groups.find((one) => one.service === service)?.entries.find((one) => one.server === server);
  return found?.weight === weight;
}

function ask(pid: number, { method, path, body }: NonNullable<SpreadStep["request"]>): Promise<void> {
  const content = JSON.stringify(body);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(content) };
  const socketPath = `/proc/${pid}/root${AGENT_SOCKET}`;
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path, headers, agent: false }, (response) => {
      text(response).then((answer) => {
        const { statusCode = 0 } = response;
        if (statusCode < 300) resolve();
        else reject(new Error(`${method} ${path}: ${statusCode} ${answer}`));
      }, reject);
    });
    request.on("error", reject);
    request.end(content);
  });
}

async function take(pids: readonly number[], step: SpreadStep): Promise<Spread> {
  const began = performance.now();
  let answeredS = 0;
  const asked = step.request
    ? ask(pids[0] ?? 0, step.request).then(() => {
        answeredS = (performance.now() - began) / 1000;
      })
    : Promise.resolve();
  asked.catch(() => undefined);
  let left = pids;
  for (;;) {
    left = left.filter((pid) => !holds(pid, step));
    if (left.length === 0) break;
    if (performance.now() - began > PATIENCE_MS)
      throw new Error(`${left.length} directors do not hold ${JSON.stringify(step)}`);
    // What was refused is held by nobody, and never will be.
    await Promise.race([delay(POLL_MS), asked.then(() => delay(POLL_MS))]);
  }
  const heldS = (performance.now() - began) / 1000;
  await asked;
  return { answeredS, heldS };
}

async function main(): Promise<Spread[]> {
  const { directors, steps, pauseMs } = JSON.parse(await text(process.stdin)) as SpreadOrder;
  const pids = agents();
  if (pids.length !== directors) throw new Error(`expected ${directors} agents, found ${pids.length}`);
  const spreads: Spread[] = [];
  for (const step of steps) {
    spreads.push(await take(pids, step));
    await delay(pauseMs);
  }
  return spreads;
}

main().then(
  (spreads) => {
    process.stdout.write(`${JSON.stringify(spreads)}\n`);
    process.exit(0);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
