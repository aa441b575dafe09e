import assert from "node:assert/strict";
import { Fleet, handlerFor } from "../../provider";
import { UNKNOWN } from "../../provider/unknown";

describe("a RealServer in a preview", () => {
  const check = (virtualServer: object, more: object = {}) =>
    handlerFor("RealServer", new Fleet()).check({
      ...{ name: "one", cluster: UNKNOWN, address: "10.0.0.1", virtualServer, ...more },
    });

  it("does not take outputs that are not there for a firewall mark", () => {
    const address = { protocol: "tcp", address: "192.0.2.1", port: 80, pool: "separate" };
    const { inputs, problems } = check({ ...address, fwmark: UNKNOWN, family: UNKNOWN });
    assert.deepEqual(problems, []);
    assert.deepEqual(inputs.virtualServer, address);
    assert.equal(inputs.port, 80);
  });

  it("decides nothing about a virtual server of which nothing is known yet: what it leaves is taken again as it is", () => {
    const first = check({ family: UNKNOWN, pool: "separate" });
    assert.deepEqual(first.problems, []);
    const again = handlerFor("RealServer", new Fleet()).check(first.inputs);
    assert.deepEqual([again.problems, again.inputs], [[], first.inputs]);
  });

  it("does not take them for an address when there is a firewall mark", () => {
    const mark = { fwmark: 7, family: "ipv4", pool: "separate" };
    const unknown = { protocol: UNKNOWN, address: UNKNOWN, port: UNKNOWN };
    const { inputs, problems } = check({ ...unknown, ...mark }, { healthCheck: { type: "tcp", port: 80 } });
    assert.deepEqual(problems, []);
    assert.deepEqual(inputs.virtualServer, mark);
  });
});
