import assert from "node:assert/strict";
import { isRecentChecks, isStatus, isTraffic } from "../../agent/page/client/answers";
import { AgentSite, QUICK } from "./agent-site";
import { apiClient } from "./api-client";
import { ModelledServers } from "./modelled-servers";

/** Places of a value that are not among those that a page can do without, each with its value without it. */
function without(value: unknown, names: readonly string[]): [string, unknown][] {
  return names.map((name) => {
    const copy = structuredClone(value) as Record<string, unknown>;
    const path = name.split(".");
    const last = path.pop() ?? "";
    const holder = path.reduce((one, part) => one[part] as Record<string, unknown>, copy);
    delete holder[last];
    return [name, copy];
  });
}

describe("what a page takes of an agent's answers", () => {
  let site: AgentSite;

  beforeEach(async () => {
    site = await AgentSite.up(undefined, { dial: new ModelledServers().dial });
    const body = {
      address: "192.0.2.1",
      port: 80,
      healthCheck: QUICK,
      realServers: [{ address: "10.0.0.1" }],
    };
    assert.equal((await apiClient(site.socket).post("/v1/virtual-servers", { body })).status, 201);
  });
  afterEach(() => site.down());

  it("is what this version's agent says, and nothing that lacks what is shown", async () => {
    const told = async (path: string) => (await apiClient(site.socket).get(path)).body as unknown;
    const status = await told("/v1/status");
    assert.ok(isStatus(status));
    const shown = ["director", "checks", "services", "services.0.servers", "services.0.servers.0.reasons"];
    for (const [name, damaged] of without(status, shown)) assert.ok(!isStatus(damaged), name);
    const recent = await told("/v1/recent-checks");
    assert.ok(isRecentChecks(recent));
    assert.ok(!isRecentChecks({ a: { b: 1 } }));
    const traffic = await told("/v1/traffic");
    assert.ok(isTraffic(traffic));
    for (const [name, damaged] of without(traffic, ["0.service", "0.destinations", "0.bytesIn"]))
      assert.ok(!isTraffic(damaged), name);
    for (const other of [undefined, null, "text", 1, { title: "not ready" }])
      assert.ok(![isStatus, isTraffic].some((isIt) => isIt(other)), String(other));
  });
});
