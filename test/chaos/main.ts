/** `npm run chaos`: many schedules, for a night. One that fails is told, and the next one has a lab of its own. */
import { Random } from "../pulumi/random";
import { chaosArguments } from "./arguments";
import { ChaosCluster } from "./cluster";
import { Coverage } from "./coverage";
import { runSchedule } from "./run";
import { faultsOf, operationsOf } from "./schedule";

async function main(argv: readonly string[]): Promise<void> {
  const { schedules, steps, seed, minutes, store } = chaosArguments(argv, new Random().seed);
  const coverage = new Coverage(operationsOf(store), faultsOf(store));
  const failed: number[] = [];
  const endMs = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
  let made = 0;
  let chaos = await ChaosCluster.up(store);
  try {
    for (; made < schedules && performance.now() < endMs; made++) {
      const start = performance.now();
      const one = seed + made;
      const error: unknown = await runSchedule(chaos, one, steps, coverage).catch(
        (thrown: unknown) => thrown,
      );
      const seconds = Math.round((performance.now() - start) / 1_000);
      console.log(
        `schedule ${made + 1} of ${schedules}, seed ${one}: ${seconds} s${error ? ", failed" : ""}`,
      );
      if (error === undefined) continue;
      console.error(error instanceof Error ? error.message : error);
      failed.push(one);
      await chaos.down();
      chaos = await ChaosCluster.up(store);
    }
  } finally {
    console.log(coverage.text);
    await chaos.down();
  }
  console.log(`${made - failed.length} of ${made} schedules passed`);
  if (failed.length === 0) return;
  console.error(`failed: seed ${failed.join(", ")}`);
  process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
