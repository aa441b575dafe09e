import assert from "node:assert/strict";
import { once } from "node:events";
import { LastLook } from "../../agent/keeper/last-look";
import { Transitions } from "../../agent/keeper/transitions";
import { noLog } from "../../agent/log";
import { UNOBSERVED } from "../../agent/observer";
import { Turns } from "../../agent/turns";
import { until } from "./agent-site";

const DOWN = { healthy: false, streak: 3, since: 0, answer: "refused", at: 0 };
/** A timer may come a moment early. */
const EARLY_MS = 5;

/** When the kernel follows servers that went down or came back. */
describe("transitions of servers", () => {
  let begun: number[];
  let transitions: Transitions;
  /** How long the kernel's following is said to have taken, in milliseconds. */
  let tookMs: number;
  let turns: Turns;
  /** Runs while the kernel follows. */
  let meanwhile: () => void;
  beforeEach(() => {
    [begun, tookMs, meanwhile] = [[], 0, () => undefined];
    turns = new Turns();
    const parts = { log: noLog(), observer: UNOBSERVED, last: new LastLook(), turns };
    transitions = new Transitions(parts, async () => {
      begun.push(performance.now());
      meanwhile();
      return tookMs;
    });
  });
  const happen = (count = 1) => {
    for (let one = 0; one < count; one++) transitions.heed(undefined, DOWN);
  };
  const followed = (times: number) =>
    until(
      () => begun.length === times,
      () => `followed ${begun.length} times instead of ${times}`,
    );
  const restMs = () => (begun[1] ?? 0) - (begun[0] ?? 0);

  it("that come together are followed once", async () => {
    happen(100);
    await followed(1);
    await turns.take(async () => undefined);
    assert.equal(begun.length, 1);
    assert.equal(transitions.count, 100);
  });

  it("are followed after a rest three times as long as the following of those before took", async () => {
    tookMs = 50;
    happen();
    await followed(1);
    happen(3);
    await followed(2);
    assert.ok(restMs() >= 3 * tookMs - EARLY_MS, `${restMs()} ms`);
  });

  it("rest no longer than 250 ms, whatever the following takes, and none is forgotten", async () => {
    tookMs = 3_600_000;
    happen();
    await followed(1);
    happen();
    await followed(2);
    assert.ok(restMs() >= 250 - EARLY_MS, `${restMs()} ms`);
  });

  it("are followed also where they come while others are", async () => {
    const struck = new EventTarget();
    const over = once(struck, "struck");
    meanwhile = () => {
      meanwhile = () => undefined;
      happen();
      struck.dispatchEvent(new Event("struck"));
    };
    happen();
    await over;
    await followed(2);
  });
});
