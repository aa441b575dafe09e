/**
 * Load from the client: a process of its own, started in the client's network by the world's main process. Reads a
 * plan as one line of JSON, works until all requests are made or its input ends, writes progress and at last the
 * report, each as a line of JSON. Every request is a new connection.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
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
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
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

/** One request. Resolves to the name of the server that answered; rejects with a reason that is the same each time. */
function request(plan: TrafficPlan): Promise<string> {
  const { host, port } = plan;
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host, port, noDelay: true });
    let text = "";
    let timer = setTimeout(() => fail("no connection in time"), plan.connectTimeoutMs);
    const done = (act: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const fail = (reason: string): void => done(() => reject(new Error(reason)));
    socket.setEncoding("utf8");
    socket.on("connect", () => {
      clearTimeout(timer);
      timer = setTimeout(() => fail("no answer in time"), plan.answerTimeoutMs);
      socket.write(plan.path === undefined ? "?\n" : requestText(plan, plan.path));
    });
    socket.on("data", (chunk: string) => {
      text += chunk;
      const answer = plan.path === undefined ? lineOf(text) : bodyOf(text);
      if (answer !== undefined)
        done(() => (answer.ok ? resolve(answer.text) : reject(new Error(answer.text))));
    });
    socket.on("end", () => fail("closed without an answer"));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  });
}

function requestText(plan: TrafficPlan, path: string): string {
  const host = plan.host.includes(":") ? `[${plan.host}]` : plan.host;
  return `GET ${path} HTTP/1.1\r\nhost: ${host}:${plan.port}\r\nconnection: close\r\n\r\n`;
}

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

function lineOf(text: string): Answer | undefined {
  const end = text.indexOf("\n");
  return end < 0 ? undefined : { ok: true, text: text.slice(0, end) };
}

/** The lab's servers always send a content-length; undefined as long as the body is not complete. */
function bodyOf(text: string): Answer | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const length = Number(/content-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  const body = text.slice(head + 4);
  if (body.length < length) return undefined;
  const status = text.split(" ", 2)[1] ?? "?";
  return status === "200" ? { ok: true, text: body.trim() } : { ok: false, text: `status ${status}` };
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
