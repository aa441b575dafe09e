import assert from "node:assert/strict";
import { handlerFor } from "../../provider";
import { adapt } from "../../provider/adapter";
import { UNKNOWN } from "../../provider/unknown";

describe("what the engine is told of bad input", () => {
  it("is the path and what was found, in place of a value that the engine would look up and not find", async () => {
    const provider = adapt(handlerFor("VirtualServer"));
    const realServers = [{ address: "10.0.0.1", weight: -1 }];
    const inputs = { name: "web", cluster: UNKNOWN, address: "192.0.2.1", port: 99_999, realServers };
    const { failures = [] } = (await provider.check?.({}, inputs)) ?? {};
    assert.deepEqual(failures, [
      { property: "", reason: "port: expected a whole number from 0 to 65535, found 99999" },
      { property: "", reason: "realServers[0].weight: expected a whole number from 0 to 65535, found -1" },
    ]);
  });
});
