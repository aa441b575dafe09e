import assert from "node:assert/strict";
import { parseRegistry, type Registry } from "../../director";
import { renderRegistry } from "../../director/registry-format";
import { destinationKey, findService, parseTable, serviceKey } from "../../ipvs";
import { handlerFor } from "../../provider";
import { realServerKey } from "../../spec";
import { Crasher } from "./crash-tracer";
import { type Made, Site } from "./site";

/** The web service's identity. */
const KEY = "tcp 192.0.2.10:80";
/** How many stops of each kind of change are tried. */
const KILLS = 10;

/** Numbers in [0, 1) that follow from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

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

  before(async () => {
    site = await Site.up({ directors: 1, servers: 1, database: false });
    crasher = new Crasher(site, "d1");
    await crasher.install("tracer");
  });
  beforeEach(async () => {
    await strangers();
    other = await site.create("VirtualServer", {
      ...{ name: "other", cluster: { ...site.cluster, id: "test-2" }, address: "192.0.2.20", port: 80 },
      ...{ healthCheck: { type: "none" }, realServers: pool({ 1: 1 }) },
    });
    foreign = (await site.table("d1")).split("\n");
  });
  afterEach(async function () {
    await crasher.end();
    if (this.currentTest?.isFailed()) return site.wipe();
    await site.on("d1", "ipvsadm", "-D", "-t", "192.0.2.99:80");
    await site.on("d1", "ipvsadm", "-D", "-u", "192.0.2.98:53");
    await other.close();
    await site.expectEmpty();
  });
  after(() => site?.down());

  /** Entries that nobody registered. */
  const strangers = async () => {
    const stdin =
      "-A -t 192.0.2.99:80 -s rr\n-a -t 192.0.2.99:80 -r 10.20.9.1:80 -m -w 3\n-A -u 192.0.2.98:53 -s sh\n";
    assert.equal((await site.lab.exec("d1", ["ipvsadm", "--restore"], { stdin })).code, 0);
  };
  const pool = (weights: Record<number, number>) =>
    Object.entries(weights).map(([last, weight]) => ({ address: `10.20.9.${last}`, weight }));
  const web = (overrides: object) => ({
    ...{ name: "web", address: "192.0.2.10", port: 80, scheduler: "rr", healthCheck: { type: "none" } },
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
          const { registry, table } = await held();
          assert.deepEqual([table, Object.keys(registry.owners)], [foreign.join("\n"), ["test-2"]]);
        },
      },
    ];
  };

  /** What the director holds, read past all code under test. */
  const held = async () => {
    const table = await site.table("d1");
    const text = await site.on("d1", "cat", "/var/lib/heye/registry");
    const registry = parseRegistry(text);
    assert.ok(registry, `no registry: ${text}`);
    assert.equal(renderRegistry(registry), text);
    return { table, registry };
  };

  /** Fails unless all in the kernel is owned or a stranger's, and others' entries are as they were. */
  const expectOwned = (registry: Registry, text: string, strange: readonly string[]) => {
    const lines = text.split("\n");
    for (const line of strange) assert.ok(lines.includes(line), `gone: ${line}`);
    for (const service of parseTable(lines.filter((line) => !strange.includes(line)).join("\n"))) {
      const owned = registry.owners["test-1"]?.virtualServers[serviceKey(service)];
      assert.ok(owned, `${serviceKey(service)} is nobody's`);
      const members = owned.members.map(realServerKey);
      for (const one of service.destinations)
        assert.ok(members.includes(destinationKey(one)), `${destinationKey(one)} is nobody's`);
    }
  };

  const isServing = (text: string): boolean =>
    findService(parseTable(text), KEY)?.destinations.some(({ weight }) => weight > 0) ?? false;

  /** How many stops an operation has: at the entry and at the exit of each of its system calls. */
  const count = async (kind: Kind): Promise<number> => {
    await kind.before();
    const outcome = await crasher.during("count", kind.act);
    assert.equal(outcome.status, "fulfilled");
    const stops = Number(await crasher.note("count"));
    await crasher.end();
    await kind.after();
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
          const { registry, table } = await held();
          expectOwned(registry, table, foreign);
          if (index === 1) assert.ok(isServing(table), "nobody serves");
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
});
