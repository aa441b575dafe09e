import { ChaosCluster } from "../chaos/cluster";
import { Coverage } from "../chaos/coverage";
import { runSchedule } from "../chaos/run";
import { FAULTS, OPERATIONS } from "../chaos/schedule";

/**
 * A few, and the same each time: agents that are killed, upgraded and removed, tables that are wiped, servers that all die.
 * `npm run chaos` makes hundreds of others.
 */
const SEEDS = process.env.HEYE_SEED === undefined ? [15, 23] : [Number(process.env.HEYE_SEED)];
const STEPS = 3;
/** A step takes 20 s, and longer where other labs are up. */
const SCHEDULE_MS = 400_000;

describe("agents in chaos", () => {
  const coverage = new Coverage(OPERATIONS, FAULTS);
  let chaos: ChaosCluster;

  before(async () => {
    chaos = await ChaosCluster.up();
  });
  after(async () => {
    console.log(coverage.text);
    await chaos?.down();
  });

  for (const seed of SEEDS)
    it(`keep what is declared, touch nothing else, and lose no request but by what is found out in time: HEYE_SEED=${seed}`, () =>
      runSchedule(chaos, seed, STEPS, coverage)).timeout(SCHEDULE_MS);
});
