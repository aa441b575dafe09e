import assert from "node:assert/strict";
import * as fc from "fast-check";
import { effectiveWeight } from "../../director";
import { always } from "./property";

describe("the weight of a server", () => {
  // gorb#47: a weight was scaled, and cut off to 0.
  it("is the declared one to the unit, or 0 for one of three reasons", () => {
    const reason = fc.constantFrom({}, { held: true }, { draining: true }, { drained: true } as const);
    always(
      fc.property(fc.integer({ min: 0, max: 65_535 }), reason, (weight, why) => {
        const rests = Object.keys(why).length > 0;
        assert.equal(effectiveWeight({ weight, ...why }), rests ? 0 : weight);
      }),
    );
  });
});
