/** `npm run chaos`: many schedules, for a night. One that fails is told, and the next one has a lab of its own. */
import { Random } from "../pulumi/random";
import { chaosArguments } from "./arguments";
import { ChaosCluster } from "./cluster";
import { Coverage } from "./coverage";
import { crashPointsOf } from "./crash-points";
import { caught, LAB_PLANTS, passes } from "./plants";
import { expectSurvived } from "./points";
import { runSchedule } from "./run";
import { faultsOf, operationsOf } from "./schedule";

async function main(argv: readonly string[]): Promise<void> {
  const { schedules, steps, seed, minutes, store, instead } = chaosArguments(argv, new Random().seed);
  if (instead !== undefined) return insteadOf(await ChaosCluster.up(store), instead);
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

/** Mistakes that are planted have to be found, and nothing is to be found without them; or agents die at each named point. */
async function insteadOf(chaos: ChaosCluster, what: "plants" | "points"): Promise<void> {
  try {
    if (what === "points") {
      await expectSurvived(chaos);
      return console.log(`survived: ${crashPointsOf(chaos.store).join(", ")}`);
    }
    for (const plant of LAB_PLANTS) {
      const start = performance.now();
      const reason = await caught(chaos, plant);
      const seconds = Math.round((performance.now() - start) / 1_000);
      console.log(`found in ${seconds} s: one that ${plant.mistake}: ${reason}`);
      await passes(chaos, plant);
    }
  } finally {
    await chaos.down();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
