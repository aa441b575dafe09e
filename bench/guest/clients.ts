/**
 * Steady load from the lab's client: a new connection every so often, whether or not those before have been answered.
 * (The lab's own load waits for answers: when all its connections hang, it asks for nothing, and sees no failure.) Writes
 * its process id where it is told, goes on until SIGTERM, and prints a {@link SteadyReport} when all answers are in.
 */
import { writeFileSync } from "node:fs";
import { request } from "../../lab/world/request";
import type { TrafficPlan } from "../../lab/world/traffic";

/** What came of a steady load. */
export interface SteadyReport {
  readonly requests: number;
  readonly failed: number;
  /** Failures by their text. */
  readonly errors: Readonly<Record<string, number>>;
}

async function main([host = "", everyMs = "", pidFile = ""]: readonly string[]): Promise<void> {
  const limits = { connectTimeoutMs: 900, answerTimeoutMs: 5_000 };
  const plan: TrafficPlan = { protocol: "http", host, port: 80, path: "/", concurrency: 1, ...limits };
  const open = new Set<Promise<void>>();
  const errors: Record<string, number> = {};
  let [requests, failed] = [0, 0];
  const ask = (): void => {
    requests++;
    const one = request(plan).then(
      () => undefined,
      (error: Error) => {
        failed++;
        errors[error.message] = (errors[error.message] ?? 0) + 1;
      },
    );
    const asked = one.finally(() => open.delete(asked));
    open.add(asked);
  };
  const timer = setInterval(ask, Number(everyMs));
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    writeFileSync(pidFile, `${process.pid}\n`);
  });
  clearInterval(timer);
  await Promise.all(open);
  process.stdout.write(`${JSON.stringify({ requests, failed, errors } satisfies SteadyReport)}\n`);
}

void main(process.argv.slice(2));
