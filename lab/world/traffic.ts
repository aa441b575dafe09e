/** Runs and follows load processes in the client's network. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { NodeSpace } from "./spaces";

/** What a request is: over HTTP a GET, over TCP and UDP a line that is answered by one. */
export const PROTOCOLS = ["http", "tcp", "udp"] as const;

/** What load to make. */
export interface TrafficPlan {
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly host: string;
  readonly port: number;
  /** Of HTTP requests. */
  readonly path: string;
  /** How many in all. Default: until stopped. */
  readonly requests?: number;
  /** How many at a time, each begun when the one before it has ended. */
  readonly concurrency: number;
  /** So many a second instead, whatever has become of the earlier ones. */
  readonly ratePerS?: number;
  /** A connection that is not there by then is a failure. */
  readonly connectTimeoutMs: number;
  readonly answerTimeoutMs: number;
}

/** What came of it. */
export interface TrafficReport {
  /** Finished requests, failed ones included. */
  readonly requests: number;
  readonly failed: number;
  /** Answers by the name of the server. */
  readonly servers: Readonly<Record<string, number>>;
  /** Failures by their text. */
  readonly errors: Readonly<Record<string, number>>;
  /** The first 500 failures, with the times since the start at which they were begun and had failed. */
  readonly failures: readonly { readonly begunMs: number; readonly atMs: number; readonly text: string }[];
  /** Of the requests that did not fail. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly durationMs: number;
}

/** How far a load is; up to 0.1 s old. */
export interface TrafficProgress {
  readonly requests: number;
  readonly failed: number;
  /** When the load told it, in ms since it began; undefined: it has not begun. */
  readonly toldMs?: number;
}

interface Running {
  progress: TrafficProgress;
  readonly report: Promise<TrafficReport>;
  stop(): void;
}

/** All loads of a world, by number. */
export class Traffic {
  readonly #client: NodeSpace;
  readonly #running = new Map<number, Running>();
  #next = 1;

  constructor(client: NodeSpace) {
    this.#client = client;
  }

  /** Starts a load and returns its number. */
  start(plan: TrafficPlan): number {
    const child = this.#client.within(() =>
      spawn(process.execPath, [join(__dirname, "load.js")], { stdio: ["pipe", "pipe", "inherit"], cwd: "/" }),
    );
    const report = new Promise<TrafficReport>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) =>
        reject(new Error(`the load process ended (${signal ?? `code ${code}`})`)),
      );
      createInterface({ input: child.stdout }).on("line", (line) => {
        const said = JSON.parse(line) as { progress?: TrafficProgress; report?: TrafficReport };
        if (said.progress) running.progress = said.progress;
        if (said.report) resolve(said.report);
      });
    });
    // Nobody may be waiting yet; who asks later gets the same error.
    report.catch(() => {});
    const running: Running = { progress: { requests: 0, failed: 0 }, report, stop: () => child.stdin.end() };
    child.stdin.on("error", () => {});
    child.stdin.write(`${JSON.stringify(plan)}\n`);
    const id = this.#next++;
    this.#running.set(id, running);
    return id;
  }

  /** How far a load is. Throws for an unknown number. */
  progress(id: number): TrafficProgress {
    return this.#get(id).progress;
  }

  /** Lets a load end, its begun requests included, and returns its report. The number is unknown afterwards. */
  async stop(id: number): Promise<TrafficReport> {
    this.#get(id).stop();
    return this.wait(id);
  }

  /** Waits until a load has made all its requests. The number is unknown afterwards. */
  async wait(id: number): Promise<TrafficReport> {
    try {
      return await this.#get(id).report;
    } finally {
      this.#running.delete(id);
    }
  }

  #get(id: number): Running {
    const running = this.#running.get(id);
    if (!running) throw new Error(`id: no load has the number ${id}`);
    return running;
  }
}
