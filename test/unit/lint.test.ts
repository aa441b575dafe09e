import assert from "node:assert/strict";
import { UNKNOWN } from "../../provider";
import { checkRealServer } from "../../provider/real-server-check";
import { checkVirtualServer } from "../../provider/virtual-server-check";
import { refusesAtWeightZero } from "../../spec";

const CLUSTER = { id: "c", label: "l", directors: [{ name: "d1" }] };
const WEB = { name: "web", cluster: CLUSTER, address: "192.0.2.1", port: 80 };
const POOL = [{ address: "10.0.0.1" }, { address: "10.0.0.2", weight: 5 }];

describe("what a virtual server cannot mean", () => {
  it("is a drain with dh, which has no fallback", () => {
    assert.equal(refusesAtWeightZero("dh"), true);
    const resting = [{ address: "10.0.0.1", weight: 0 }, { address: "10.0.0.2" }];
    const { warnings } = checkVirtualServer({
      ...{ name: "web", cluster: CLUSTER, fwmark: 7, healthCheck: { type: "tcp", port: 80 } },
      ...{ scheduler: "dh", realServers: resting },
    });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /dh refuses the connections that hash to 10\.0\.0\.1 at weight 0/);
  });

  it("is one choice of all directors by dh, where servers enter each as they arrive there", () => {
    const separate = { ...WEB, address: undefined, port: undefined, fwmark: 7, scheduler: "dh" };
    const { warnings } = checkVirtualServer({ ...separate, healthCheck: { type: "tcp", port: 80 } });
    assert.match(warnings.join("\n"), /dh depends on the order in which servers enter/);
  });

  it("is a choice by dh among servers of one address", () => {
    const { warnings } = checkVirtualServer({ ...WEB, scheduler: "dh", realServers: [POOL[0]] });
    assert.match(warnings.join("\n"), /one server gets every connection/);
  });

  it("is a way that is tried by dr or tun, where a mark names no address", () => {
    const marked = { ...WEB, address: undefined, port: undefined, fwmark: 7, scheduler: "rr" };
    const told = (forwarding: unknown, healthCheck: object) =>
      checkVirtualServer({ ...marked, healthCheck, realServers: [{ address: "10.0.0.1", forwarding }] })
        .warnings;
    assert.match(
      told("dr", { type: "tcp", port: 80 }).join("\n"),
      /asked at their own addresses alone: by dr /,
    );
    for (const forwarding of ["nat", UNKNOWN])
      assert.deepEqual(told(forwarding, { type: "tcp", port: 80 }), []);
    assert.doesNotMatch(told("tun", { type: "none" }).join("\n"), /own addresses/);
  });

  it("is not told of what is not known yet", () => {
    const flags = [UNKNOWN, [UNKNOWN], ["mh-port", UNKNOWN]];
    for (const schedulerFlags of flags) {
      const { problems, warnings } = checkVirtualServer({
        ...{ ...WEB, scheduler: "mh", schedulerFlags, realServers: POOL },
      });
      assert.deepEqual([problems, warnings], [[], []]);
    }
    const weights = [{ address: "10.0.0.1", weight: UNKNOWN }, { address: "10.0.0.2" }];
    assert.deepEqual(checkVirtualServer({ ...WEB, scheduler: "rr", realServers: weights }).warnings, []);
  });

  it("is no check of servers whose protocol is not known yet", () => {
    const unsaid = checkVirtualServer({ ...WEB, protocol: UNKNOWN, realServers: POOL });
    assert.deepEqual([unsaid.problems, unsaid.warnings, unsaid.inputs.healthCheck], [[], [], UNKNOWN]);
    const outer = { protocol: UNKNOWN, address: "192.0.2.1", port: 80, pool: "separate" };
    for (const virtualServer of [outer, UNKNOWN]) {
      const one = checkRealServer({ name: "one", cluster: CLUSTER, address: "10.0.0.1", virtualServer });
      assert.deepEqual([one.problems, one.warnings, one.inputs.healthCheck], [[], [], UNKNOWN]);
    }
  });
});

describe("a sorry server", () => {
  const reasons = (sorryServer: object, more: object = {}) =>
    checkVirtualServer({ ...WEB, ...more, realServers: POOL, sorryServer }).problems.map(
      ({ path, reason }) => `${path.join(".")}: ${reason}`,
    );

  it("is refused what IPVS forbids to any server", () => {
    assert.match(
      reasons({ address: "10.0.0.9", port: 8080, forwarding: "dr" }).join(),
      /^sorryServer\.port: expected the virtual server's port 80, found 8080: dr /,
    );
    assert.match(
      reasons({ address: "2001:db8::9" }).join(),
      /^sorryServer\.address: expected an ipv4 address .* nat cannot change the address family/,
    );
    assert.match(reasons({ address: "10.0.0.9", port: 0 }).join(), /^sorryServer\.port: .* found 0$/);
  });

  it("is taken where a server would be", () => {
    assert.deepEqual(reasons({ address: "10.0.0.9", port: 8080 }), []);
    assert.deepEqual(reasons({ address: "2001:db8::9", forwarding: "tun" }), []);
    assert.deepEqual(reasons({ address: UNKNOWN }), []);
    assert.deepEqual(reasons(UNKNOWN as unknown as object), []);
  });

  it("is told once of what is no good by itself", () => {
    assert.equal(reasons({ address: "nowhere", forwarding: "dr" }).length, 1);
    assert.equal(reasons({ address: "10.0.0.9", forwarding: "bridge" }).length, 1);
  });
});
