import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Agenda, type Planned } from "../../health/agenda";
import { Spread } from "../../health/spread";
import { always } from "./property";

describe("the agenda of a monitor", () => {
  it("has first what is planned earliest, whatever was moved and taken out before", () =>
    always(
      fc.property(
        fc.array(fc.record({ item: fc.nat(15), at: fc.option(fc.nat(20)) }), { maxLength: 200 }),
        (steps) => {
          const agenda = new Agenda<Planned>();
          const items = Array.from({ length: 16 }, () => ({ at: 0, place: -1 }));
          const planned = new Map<Planned, number>();
          for (const { item: index, at } of steps) {
            const item = items[index];
            assert.ok(item);
            if (at === null) {
              agenda.drop(item);
              planned.delete(item);
            } else {
              agenda.plan(item, at);
              planned.set(item, at);
            }
            const earliest = planned.size > 0 ? Math.min(...planned.values()) : undefined;
            assert.equal(agenda.first?.at, earliest);
            assert.equal(agenda.first === undefined || planned.has(agenda.first), true);
          }
        },
      ),
    ));
});

describe("the spread of checks over their interval", () => {
  const shares = (spread: Spread, count: number, intervalMs: number) =>
    Array.from({ length: count }, () => spread.next(intervalMs));
  /** The widest part of the circle in which nothing begins. */
  const widestGap = (places: readonly number[]) => {
    const sorted = [...places].sort((a, b) => a - b);
    return Math.max(...sorted.map((place, index) => (sorted[index + 1] ?? (sorted[0] ?? 0) + 1) - place));
  };

  for (const count of [1, 2, 10, 1_000, 10_000]) {
    it(`leaves no gap of three times the mean among ${count}, wherever it begins`, () => {
      for (const begin of [0, 0.3, 0.999]) {
        const places = shares(new Spread(begin), count, 2_000);
        assert.ok(places.every((place) => place >= 0 && place < 1));
        assert.ok(widestGap(places) <= 3 / count, `${widestGap(places) * count} times the mean`);
      }
    });
  }

  it("spreads those of each interval, in whatever order they come", () => {
    const spread = new Spread(0);
    const [short, long]: [number[], number[]] = [[], []];
    for (let index = 0; index < 300; index++) {
      if (index % 3 === 0) long.push(spread.next(5_000));
      else short.push(spread.next(1_000));
    }
    assert.ok(widestGap(short) <= 3 / short.length);
    assert.ok(widestGap(long) <= 3 / long.length);
  });
});
