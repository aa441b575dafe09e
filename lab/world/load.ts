/**
 * Load from the client: a process of its own, started in the client's network by the world's main process. Reads a
 * plan as one line of JSON, works until all requests are made or its input ends, writes progress and at last the
 * report, each as a line of JSON. Every request is a new connection.
 */
import { createInterface } from "node:readline";
import { request } from "./request";
import type { TrafficPlan, TrafficReport } from "./traffic";

/** How often progress is written, in milliseconds. */
const PROGRESS_MS = 100;
const KEPT_FAILURES = 20;

class Load {
  readonly #plan: TrafficPlan;
  readonly #started = process.hrtime.bigint();
  readonly #latencies: number[] = [];
  readonly #servers: Record<string, number> = {};
  readonly #errors: Record<string, number> = {};
  readonly #failures: { atMs: number; text: string }[] = [];
  #begun = 0;
  #failed = 0;
  #stopped = false;

  constructor(plan: TrafficPlan) {
    this.#plan = plan;
  }

  stop(): void {
    this.#stopped = true;
  }

  get progress(): { requests: number; failed: number } {
    return { requests: this.#latencies.length + this.#failed, failed: this.#failed };
  }

  async run(): Promise<TrafficReport> {
    await Promise.all(Array.from({ length: this.#plan.concurrency }, () => this.#worker()));
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

  async #worker(): Promise<void> {
    while (!this.#stopped && this.#begun < (this.#plan.requests ?? Number.POSITIVE_INFINITY)) {
      this.#begun++;
      const start = this.#now();
      try {
        const server = await request(this.#plan);
        this.#servers[server] = (this.#servers[server] ?? 0) + 1;
        this.#latencies.push(this.#now() - start);
      } catch (error) {
        this.#fail(error instanceof Error ? error.message : String(error));
      }
    }
  }

  #fail(text: string): void {
    this.#failed++;
    this.#errors[text] = (this.#errors[text] ?? 0) + 1;
    if (this.#failures.length < KEPT_FAILURES) this.#failures.push({ atMs: rounded(this.#now()), text });
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
