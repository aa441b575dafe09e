/**
 * Load from the client: a process of its own, started in the client's network by the world's main process. Reads a
 * plan as one line of JSON, works until all requests are made or its input ends, writes progress and at last the
 * report, each as a line of JSON. Every request is a new connection.
 */
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "./request";
import type { TrafficPlan, TrafficProgress, TrafficReport } from "./traffic";

/** How often progress is written, in milliseconds. */
const PROGRESS_MS = 100;
const KEPT_FAILURES = 500;

class Load {
  readonly #plan: TrafficPlan;
  readonly #started = process.hrtime.bigint();
  readonly #latencies: number[] = [];
  readonly #servers: Record<string, number> = {};
  readonly #errors: Record<string, number> = {};
  readonly #failures: { begunMs: number; atMs: number; text: string }[] = [];
  #begun = 0;
  #failed = 0;
  #stopped = false;

  constructor(plan: TrafficPlan) {
    this.#plan = plan;
  }

  stop(): void {
    this.#stopped = true;
  }

  get progress(): Required<TrafficProgress> {
    const requests = this.#latencies.length + this.#failed;
    return { requests, failed: this.#failed, toldMs: rounded(this.#now()) };
  }

  async run(): Promise<TrafficReport> {
    await (this.#plan.ratePerS === undefined ? this.#closedLoop() : this.#openLoop(this.#plan.ratePerS));
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (share: number): number =>
      rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
    return {
      requests: sorted.length + this.#failed,
      failed: this.#failed,
      servers: this.#servers,
      errors: this.#errors,
      failures: this.#failures,
      latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
      durationMs: rounded(this.#now()),
    };
  }

  /** Each worker begins a request when the one before it has ended. */
  async #closedLoop(): Promise<void> {
    const work = async () => {
      while (this.#goesOn()) await this.#ask();
    };
    await Promise.all(Array.from({ length: this.#plan.concurrency }, work));
  }

  /** Requests begin at their times, whatever has become of the earlier ones: what hangs hides nothing. */
  async #openLoop(ratePerS: number): Promise<void> {
    const asked: Promise<void>[] = [];
    while (this.#goesOn()) {
      const dueMs = (this.#begun * 1_000) / ratePerS;
      const waitMs = dueMs - this.#now();
      if (waitMs > 0) await delay(waitMs);
      else asked.push(this.#ask());
    }
    await Promise.all(asked);
  }

  #goesOn(): boolean {
    return !this.#stopped && this.#begun < (this.#plan.requests ?? Number.POSITIVE_INFINITY);
  }

  async #ask(): Promise<void> {
    this.#begun++;
    const start = this.#now();
    try {
      const server = await request(this.#plan);
      this.#servers[server] = (this.#servers[server] ?? 0) + 1;
      this.#latencies.push(this.#now() - start);
    } catch (error) {
      this.#fail(start, error instanceof Error ? error.message : String(error));
    }
  }

  #fail(start: number, text: string): void {
    this.#failed++;
    this.#errors[text] = (this.#errors[text] ?? 0) + 1;
    if (this.#failures.length < KEPT_FAILURES)
      this.#failures.push({ begunMs: rounded(start), atMs: rounded(this.#now()), text });
  }

  #now(): number {
    return Number(process.hrtime.bigint() - this.#started) / 1e6;
  }
}

/** To hundredths. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function main(): void {
  let load: Load | undefined;
  const write = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => {
    const started = new Load(JSON.parse(line) as TrafficPlan);
    load = started;
    const timer = setInterval(() => write({ progress: started.progress }), PROGRESS_MS);
    started.run().then(
      (report) => {
        clearInterval(timer);
        write({ report });
        process.stdin.destroy();
      },
      (error: unknown) => {
        throw error;
      },
    );
  });
  input.on("close", () => load?.stop());
}

main();
