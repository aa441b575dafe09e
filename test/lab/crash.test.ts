import assert from "node:assert/strict";
import { handlerFor } from "../../provider";
import { expectOwned, held, isServing, random } from "./crash-findings";
import { durableSteps } from "./crash-record";
import { Crasher } from "./crash-tracer";
import { type Made, Site } from "./site";

/** The web service's identity. */
const KEY = "tcp 192.0.2.10:80";
/** How many stops of each kind of change are tried. */
const KILLS = Number(process.env.HEYE_KILLS ?? 10);
/** How many reboots in the middle of each kind of change. */
const REBOOTS = Number(process.env.HEYE_REBOOTS ?? 1);

/** A kind of change: how its beginning is made, how it is done, and what must be true in the end. */
interface Kind {
  readonly what: string;
  before(): Promise<void>;
  act(): Promise<void>;
  after(): Promise<void>;
}

describe("a change that is killed at a system call, on real IPVS", () => {
  const seed = Number(process.env.HEYE_SEED ?? Date.now() % 1_000_000);
  const next = random(seed);
  let site: Site;
  let crasher: Crasher;
  let foreign: string[] = [];
  let other: Made;
  /** Whose the web service is; entries come back at boot. */
  let cluster: { id: string };
  let dropCluster = async (): Promise<void> => {};

  before(async () => {
    site = await Site.up({ directors: 1, servers: 1, database: false });
    crasher = new Crasher(site, "d1");
    await crasher.install("tracer");
  });
  beforeEach(async () => {
    await strangers();
    other = await stranger();
    const clusters = handlerFor("Cluster", site.fleet);
    const { label, directors } = site.cluster;
    const { inputs, problems } = clusters.check({ name: "test", label, directors, restoreAtBoot: true });
    assert.deepEqual(problems, []);
    const { id, outputs } = await clusters.create(inputs);
    cluster = { ...site.cluster, id };
    dropCluster = () => clusters.delete(id, outputs);
    foreign = (await site.table("d1")).split("\n");
  });
  afterEach(async function () {
    await crasher.end();
    if (this.currentTest?.isFailed()) return site.wipe();
    await site.on("d1", "ipvsadm", "-D", "-t", "192.0.2.99:80");
    await site.on("d1", "ipvsadm", "-D", "-u", "192.0.2.98:53");
    await other.close();
    await dropCluster();
    await site.expectEmpty();
  });
  after(() => site?.down());

  /** Entries that nobody registered. */
  const strangers = async () => {
    const stdin =
      "-A -t 192.0.2.99:80 -s rr\n-a -t 192.0.2.99:80 -r 10.20.9.1:80 -m -w 3\n-A -u 192.0.2.98:53 -s sh\n";
    assert.equal((await site.lab.exec("d1", ["ipvsadm", "--restore"], { stdin })).code, 0);
  };
  /** An entry of another owner. */
  const stranger = () =>
    site.create("VirtualServer", {
      ...{ name: "other", cluster: { ...site.cluster, id: "test-2" }, address: "192.0.2.20", port: 80 },
      ...{ healthCheck: { type: "none" }, realServers: pool({ 1: 1 }) },
    });
  const pool = (weights: Record<number, number>) =>
    Object.entries(weights).map(([last, weight]) => ({ address: `10.20.9.${last}`, weight }));
  const web = (overrides: object) => ({
    ...{
      cluster,
      name: "web",
      address: "192.0.2.10",
      port: 80,
      scheduler: "rr",
      healthCheck: { type: "none" },
    },
    ...overrides,
  });

  const kinds = (): Kind[] => {
    let made: Made;
    const create = async () => {
      made = await site.create("VirtualServer", web({ realServers: pool({ 1: 1, 2: 2, 3: 3 }) }));
    };
    return [
      { what: "a create", before: async () => {}, act: create, after: () => made.close() },
      {
        what: "an update that adds, edits and removes servers",
        before: create,
        act: () => made.update({ scheduler: "wlc", realServers: pool({ 2: 5, 4: 1, 5: 1 }) }),
        after: () => made.close(),
      },
      {
        what: "a delete",
        before: create,
        act: () => handlerFor("VirtualServer", site.fleet).delete(made.id, made.state),
        after: async () => {
          const { registry, table } = await held(site);
          assert.deepEqual([table, Object.keys(registry.owners)], [foreign.join("\n"), ["test-2"]]);
        },
      },
    ];
  };

  const counted = new Map<string, number>();
  /** How many stops an operation has: at the entry and at the exit of each of its system calls. Counted once. */
  const count = async (kind: Kind): Promise<number> => {
    const known = counted.get(kind.what);
    if (known !== undefined) return known;
    await kind.before();
    const outcome = await crasher.during("count", kind.act);
    assert.equal(outcome.status, "fulfilled");
    const stops = Number(await crasher.note("count"));
    await crasher.end();
    await kind.after();
    counted.set(kind.what, stops);
    return stops;
  };
  /** Stops spread over the whole operation, one out of each part. */
  const spread = (stops: number, parts: number): number[] =>
    Array.from({ length: parts }, (_, part) => 1 + Math.floor(((part + next()) * stops) / parts));

  for (const [index, what] of ["create", "update", "delete"].entries()) {
    it(`${what}: all is owned, others' untouched, no lock held, and the same again ends well`, async () => {
      const kind = kinds()[index];
      assert.ok(kind);
      const stops = await count(kind);
      assert.ok(stops > 500, `only ${stops} stops`);
      console.log(`      ${kind.what}: ${stops} stops, HEYE_SEED=${seed}`);
      let killed = 0;
      for (const stop of spread(stops, KILLS)) {
        const at = `killed at ${stop} of ${stops}, HEYE_SEED=${seed}`;
        try {
          await kind.before();
          const outcome = await crasher.during(`kill ${stop}`, kind.act);
          const reached = await crasher.note("reached");
          await crasher.end();
          const { registry, table } = await held(site);
          expectOwned(registry, table, cluster.id, foreign);
          if (index === 1) assert.ok(isServing(table, KEY), "nobody serves");
          if (reached) killed++;
          else assert.equal(outcome.status, "fulfilled");
          if (outcome.status === "rejected") await kind.act();
          await kind.after();
        } catch (error) {
          throw new Error(`${at}: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
      }
      // The last part's stops may lie behind the end of a run that has a few calls less.
      assert.ok(killed >= KILLS - 1, `only ${killed} were killed`);
    });
  }

  it("a director that reboots while a change stands still ends as well, with what was registered restored", async () => {
    for (const [index, kind] of kinds().entries()) {
      const stops = await count(kind);
      for (const stop of spread(stops, REBOOTS)) {
        const at = `${kind.what}, rebooted at ${stop} of ${stops}, HEYE_SEED=${seed}`;
        await kind.before();
        const outcome = crasher.during(`hold ${stop}`, kind.act);
        await crasher.reached();
        await site.lab.fault.rebootDirector("d1");
        assert.equal((await outcome).status, "rejected", at);
        const { registry, table } = await held(site);
        await crasher.rebooted();
        expectOwned(registry, table, cluster.id, []);
        if (index === 1) assert.ok(isServing(table, KEY), at);
        // A reboot takes what nobody restores.
        await strangers();
        await other.update({});
        await kind.act();
        await kind.after();
      }
    }
  });

  // The lab's disks are memory: what was not synced cannot be lost there. So this holds the order of the calls.
  it("has its registry synced and named before the kernel is edited, and the later one only afterwards", async () => {
    await crasher.install("recorder");
    try {
      const first = ["sync during", "name during", "sync folder", "edit"];
      const last = ["sync after", "edit", "name after", "sync folder"];
      // What is to go is drained first, by a change of its own.
      const expected = [first, [...first, ...last], [...first, ...last]];
      for (const [index, kind] of kinds().entries()) {
        await kind.before();
        await crasher.end();
        await crasher.during("record", kind.act);
        assert.deepEqual(durableSteps(await crasher.note("log")), expected[index], kind.what);
        await kind.after();
      }
    } finally {
      await crasher.install("tracer");
    }
  });
});
