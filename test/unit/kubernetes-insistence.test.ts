import assert from "node:assert/strict";
import { Insistence } from "../../kubernetes/balancer/insistence";

describe("a field that somebody else undoes", () => {
  // kubernetes#136316: an operator of another load balancer clears the status of Services that are not its own.
  it("is written again, and not in a loop, however fast it is undone", () => {
    const insistence = new Insistence();
    let [writes, told] = [0, 0];
    for (let nowMs = 0; nowMs < 3_600_000; nowMs += 50) {
      if (!insistence.allows("u", "192.0.2.1", nowMs)) continue;
      writes++;
      if (insistence.wrote("u", "192.0.2.1", nowMs)) told++;
    }
    assert.ok(writes >= 60 && writes < 80, `${writes} writes in an hour`);
    assert.equal(told, writes - 4);
  });

  it("is written at once when it says something else, of others, and where it stood for long", () => {
    const insistence = new Insistence();
    for (let round = 0; round < 20; round++) insistence.wrote("u", "192.0.2.1", round);
    assert.ok(!insistence.allows("u", "192.0.2.1", 30_000));
    assert.ok(insistence.allows("u", "192.0.2.2", 30_000));
    assert.ok(insistence.allows("v", "192.0.2.1", 30_000));
    assert.ok(insistence.allows("u", "192.0.2.1", 700_000));
    assert.equal(insistence.wrote("u", "192.0.2.1", 700_000), false);
    assert.ok(insistence.allows("u", "192.0.2.1", 701_000));
    insistence.keep(new Set());
    assert.ok(insistence.allows("u", "192.0.2.1", 701_001));
  });
});
