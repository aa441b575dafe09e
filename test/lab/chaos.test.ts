import { ChaosCluster } from "../chaos/cluster";
import { Coverage } from "../chaos/coverage";
import { runSchedule } from "../chaos/run";
import { FAULTS, OPERATIONS } from "../chaos/schedule";
import { Random } from "../pulumi/random";

/** A few; `npm run chaos` makes hundreds. */
const SCHEDULES = 2;
const STEPS = 3;
/** A step takes 20 s, and longer where other labs are up. */
const SCHEDULE_MS = 400_000;

const { seed } = new Random();

describe(`agents in chaos (HEYE_SEED=${seed})`, () => {
  const coverage = new Coverage(OPERATIONS, FAULTS);
  let chaos: ChaosCluster;

  before(async () => {
    chaos = await ChaosCluster.up();
  });
  after(async () => {
    console.log(coverage.text);
    await chaos?.down();
  });

  for (let index = 0; index < SCHEDULES; index++)
    it(`keep what is declared, touch nothing else, and lose no request but by what is found out in time: schedule ${seed + index}`, () =>
      runSchedule(chaos, seed + index, STEPS, coverage)).timeout(SCHEDULE_MS);
});
