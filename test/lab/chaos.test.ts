import { ChaosCluster } from "../chaos/cluster";
import { Coverage } from "../chaos/coverage";
import { runSchedule } from "../chaos/run";
import { faultsOf, operationsOf, type Store } from "../chaos/schedule";

/**
 * A few, and the same each time: agents that are killed, upgraded and removed, tables that are wiped, servers that all die; with
 * etcd two that write at once, the quorum lost, and a director that comes back with an old table.
 * `npm run chaos` makes hundreds of others.
 */
const SEEDS: Readonly<Record<Store, readonly number[]>> = { file: [15, 23], etcd: [8515] };
const STEPS: Readonly<Record<Store, number>> = { file: 3, etcd: 3 };
/** A step takes 20 s, with etcd a minute, and longer where other labs are up. */
const SCHEDULE_MS = 600_000;

const seedsOf = (store: Store) =>
  process.env.HEYE_SEED === undefined ? SEEDS[store] : [Number(process.env.HEYE_SEED)];

for (const [store, directors] of [
  ["file", "agents in chaos"],
  ["etcd", "agents that share an etcd, in chaos"],
] as const)
  describe(directors, () => {
    const coverage = new Coverage(operationsOf(store), faultsOf(store));
    let chaos: ChaosCluster;

    before(async function () {
      this.timeout(300_000);
      chaos = await ChaosCluster.up(store);
    });
    after(async () => {
      console.log(coverage.text);
      await chaos?.down();
    });

    for (const seed of seedsOf(store))
      it(`keep what is declared, touch nothing else, and lose no request but by what is found out in time: HEYE_SEED=${seed}`, () =>
        runSchedule(chaos, seed, STEPS[store], coverage)).timeout(SCHEDULE_MS);
  });
