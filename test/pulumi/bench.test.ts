import assert from "node:assert/strict";
import { type Measurement, recordOf } from "../../bench/record";
import { BENCHES } from "../../bench/registry";
import { Sites } from "../../bench/sites";

/** The slowest takes two minutes, and more beside other labs. */
const LIMIT_MS = 600_000;
const HERE = { at: "", commit: "", machine: "", quick: true };

/** That each bench runs to its end, does what it measures (it looks at the kernels itself), and says so in whole records. */
describe("benches with small sizes", function () {
  this.timeout(LIMIT_MS);
  // They measure a machine, which other tests keep busy: a second's standstill in a round of two seconds ends it.
  this.retries(1);
  const sites = new Sites(true);
  before(async () => {
    await sites.get(3);
  });
  after(() => sites.down());

  for (const [name, bench] of Object.entries(BENCHES)) {
    it(`${name} gives sane records`, async () => {
      const measurements = await bench.run({ rounds: 1, quick: true, sites, say: () => undefined });
      assert.ok(measurements.length > 0);
      for (const measurement of measurements) expectSane(name, measurement);
      const names = measurements.map((measurement) => measurement.name);
      assert.equal(new Set(names).size, names.length, names.join(" "));
    });
  }
});

function expectSane(bench: string, measurement: Measurement): void {
  const { name, unit, ours, peer } = measurement;
  assert.ok(name.startsWith(`${bench}/`), name);
  // Of errors and the like there may be none, and a machine that is busy with other tests may keep no rate at all.
  // What goes on all the time is taken off what etcd was asked for; in so short a time that may be all of it.
  const isCost = /^plane\/(change|transition)-bytes-/.test(name);
  // A processor's time is counted in hundredths of a second.
  const isTick = name.endsWith("-cpu");
  const mayBeNone = unit === "count" || unit === "1/s" || isCost || isTick;
  const isSane = (value: number) => Number.isFinite(value) && (mayBeNone ? value >= 0 : value > 0);
  for (const value of [...ours, ...peer]) assert.ok(isSane(value), `${name}: ${value}`);
  const { ratio, aim, met } = recordOf(measurement, HERE);
  const hasPeer = peer.some((value) => value > 0);
  assert.equal(ratio !== null, hasPeer, name);
  if (aim === 0) assert.equal(met, true, `${name}: ${ours.join()}`);
  else if (aim === null || ratio === null) assert.equal(met, null);
  // Beyond the aim it may be met too: by less than can be told.
  else assert.ok(met === true || ratio > aim, `${name}: ${ratio}`);
}
