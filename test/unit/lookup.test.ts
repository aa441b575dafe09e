import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type Candidate, MH_BUCKETS, mhChoice, mhLookup, shChoice, shLookup } from "../../ipvs";
import { hsiphash } from "../../ipvs/siphash";
import { always } from "./property";

const server = (last: number, weight: number, lastWeight = weight): Candidate => ({
  ...{ destination: `10.0.0.${last}:80`, address: `10.0.0.${last}`, port: 80, weight, lastWeight },
});
const pools = fc
  .uniqueArray(
    fc.tuple(fc.integer({ min: 1, max: 250 }), fc.integer({ min: 0, max: 300 }), fc.nat({ max: 300 })),
    {
      selector: ([last]) => last,
      maxLength: 12,
    },
  )
  .map((all) => all.map(([last, weight, before]) => server(last, weight, weight > 0 ? weight : before)));
const clients = fc.record(
  {
    address: fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((one) => !one.includes(".")),
    ),
    port: fc.nat({ max: 65_535 }),
  },
  { noNullPrototype: true },
);

function shares(lookup: readonly number[], count: number): number[] {
  const buckets = new Array<number>(count).fill(0);
  for (const index of lookup) buckets[index] = (buckets[index] ?? 0) + 1;
  return buckets;
}

describe("lookup tables of the hashing schedulers", () => {
  it("hash as the kernel does: SipHash-1-3 of four bytes, its lower half", () => {
    const key = [2_654_435_761n, 2_654_435_761n] as const;
    assert.deepEqual(
      [0, 1, 0xffff_ffff].map((value) => hsiphash(value, key)),
      [492_468_162, 384_591_538, 583_391_001],
    );
  });

  it("mh: give every bucket to somebody, by the last weights that were not 0", () => {
    always(
      fc.property(pools, (pool) => {
        const lookup = mhLookup(pool);
        const alive = pool.filter(({ lastWeight }) => lastWeight > 0);
        assert.equal(lookup.length, alive.length === 0 ? 0 : MH_BUCKETS);
        const buckets = shares(lookup, pool.length);
        for (const [index, { lastWeight }] of pool.entries())
          assert.equal((buckets[index] ?? 0) > 0, lastWeight > 0);
        assert.deepEqual(mhLookup(pool), lookup);
      }),
      { numRuns: 100 },
    );
    const [light = 0, heavy = 0] = shares(mhLookup([server(1, 1), server(2, 3)]), 2);
    assert.ok(Math.abs(heavy / light - 3) < 0.01, `${light} ${heavy}`);
  });

  it("mh: a server that goes to weight 0 moves nobody else's clients", () => {
    always(
      fc.property(pools, clients, (pool, client) => {
        const idle = pool.map((one, index) => (index === 0 ? { ...one, weight: 0 } : one));
        const before = mhChoice(mhLookup(pool), pool, client, true);
        const after = mhChoice(mhLookup(idle), idle, client, true);
        if (before.destination === undefined) assert.equal(after.destination, undefined);
        else if (before.destination !== pool[0]?.destination) assert.deepEqual(after, before);
        else assert.notEqual(after.destination, before.destination);
      }),
      { numRuns: 100 },
    );
  });

  it("sh: give as many buckets as weights, in turn, and one to who has none", () => {
    const pool = [server(1, 2), server(2, 0, 5), server(3, 1)];
    assert.deepEqual(shLookup(pool).slice(0, 8), [0, 0, 1, 2, 0, 0, 1, 2]);
    assert.equal(shLookup(pool).length, 256);
    assert.deepEqual(shLookup([]), []);
  });

  for (const [name, fill, choose] of [
    ["mh", mhLookup, mhChoice],
    ["sh", shLookup, shChoice],
  ] as const)
    it(`${name}: choose a server that takes connections, or nobody; with a fallback nearly always somebody`, () => {
      let [asked, refused] = [0, 0];
      always(
        fc.property(pools, clients, fc.boolean(), (pool, client, hasFallback) => {
          const lookup = fill(pool);
          const { destination, bucket, instead } = choose(lookup, pool, client, hasFallback);
          const owner = pool[lookup[bucket] ?? -1];
          if (destination === undefined) {
            if (hasFallback && pool.some(({ weight }) => weight > 0)) refused++;
          } else assert.equal(owner?.destination, destination);
          if (destination !== undefined) assert.ok((owner?.weight ?? 0) > 0);
          if (!hasFallback && destination !== undefined) assert.equal(instead, undefined);
          if (hasFallback) asked++;
        }),
        { numRuns: 300 },
      );
      assert.ok(asked > 0 && refused <= asked / 10, `${refused} of ${asked} refused`);
    });
});
