import assert from "node:assert/strict";
import type { Fleet } from "../../provider/fleet";
import { virtualServerHandler } from "../../provider/virtual-server";
import { FakeDirector } from "./fake-director";

/** A handler over directors without a network. */
function handlerOver(directors: readonly FakeDirector[]) {
  const fleet = { of: () => directors, briefly: () => [] } as unknown as Fleet;
  return virtualServerHandler(fleet);
}

const inputs = (rollout: object) => ({
  name: "web",
  cluster: { id: "me-1", label: "shop/prod Cluster edge", directors: [], rollout },
  protocol: "tcp",
  address: "192.0.2.1",
  port: 80,
  scheduler: "rr",
  healthCheck: { type: "none" },
  realServers: [{ address: "10.0.0.1", port: 80, weight: 1, forwarding: "nat", drainMs: 0 }],
});

describe("a resource that is deleted", () => {
  it("is kept in the state while a director may hold it, whatever number may fail", async () => {
    const directors = [new FakeDirector("d1"), new FakeDirector("d2")] as const;
    const handler = handlerOver(directors);
    const { id, outputs } = await handler.create(inputs({ maxFailures: 1 }));
    directors[1].lostAt = [2];
    await assert.rejects(handler.delete(id, outputs), { code: "HEYE_ROLLOUT" });
    assert.notEqual(directors[0].text, "");
  });
});
