/** `npm run chaos`: many schedules, for a night. Ends with the first one that fails. */
import { Random } from "../pulumi/random";
import { chaosArguments } from "./arguments";
import { ChaosCluster } from "./cluster";
import { Coverage } from "./coverage";
import { runSchedule } from "./run";
import { FAULTS, OPERATIONS } from "./schedule";

async function main(argv: readonly string[]): Promise<void> {
  const { schedules, steps, seed } = chaosArguments(argv, new Random().seed);
  const coverage = new Coverage(OPERATIONS, FAULTS);
  const chaos = await ChaosCluster.up();
  try {
    for (let index = 0; index < schedules; index++) {
      const start = performance.now();
      await runSchedule(chaos, seed + index, steps, coverage);
      const seconds = Math.round((performance.now() - start) / 1_000);
      console.log(`schedule ${index + 1} of ${schedules}, seed ${seed + index}: ${seconds} s`);
    }
  } finally {
    console.log(coverage.text);
    await chaos.down();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
