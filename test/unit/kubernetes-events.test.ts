import assert from "node:assert/strict";
import pino from "pino";
import type { ApiRequest } from "../../kubernetes/api";
import { Events } from "../../kubernetes/events";
import { until } from "../kubernetes/until";
import { endpointsOf } from "./kubernetes-objects";

describe("Events", () => {
  it("of an object that has ever more to tell are few, and those of others are told all the same", async () => {
    const told: string[] = [];
    const request = async ({ body }: ApiRequest) => {
      told.push((body as { message: string }).message);
      return {};
    };
    const events = new Events({ request }, pino({ enabled: false }));
    const ending = new AbortController();
    const running = events.run(ending.signal);
    const flapping = endpointsOf(["10.0.0.1"]);
    const note = (message: string) => ({ type: "Warning", reason: "ServerDown", message }) as const;
    for (let round = 0; round < 200; round++) events.tell(flapping, note(`flap ${round}`));
    events.tell({ ...flapping, uid: "other" }, note("another one"));
    await until("the other one is told", () => told.includes("another one"));
    const flaps = told.filter((message) => message.startsWith("flap"));
    assert.deepEqual(
      flaps,
      Array.from({ length: 25 }, (_, index) => `flap ${index}`),
    );
    assert.equal(events.dropped, 175);
    ending.abort();
    await running;
  });
});
