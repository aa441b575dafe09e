import assert from "node:assert/strict";
import { type Measurement, recordOf } from "../../bench/record";
import { BENCHES } from "../../bench/registry";
import { Sites } from "../../bench/sites";

const HERE = { at: "", commit: "", machine: "", quick: true };

/** That each bench runs to its end, does what it measures (it looks at the kernels itself), and says so in whole records. */
describe("benches with small sizes", () => {
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
  assert.ok(measurement.name.startsWith(`${bench}/`), measurement.name);
  for (const value of [...measurement.ours, ...measurement.peer])
    assert.ok(Number.isFinite(value) && value > 0, `${measurement.name}: ${value}`);
  const { ratio, aim, met } = recordOf(measurement, HERE);
  assert.ok(ratio !== null && ratio > 0, measurement.name);
  assert.equal(met, aim === null ? null : ratio <= aim);
}
