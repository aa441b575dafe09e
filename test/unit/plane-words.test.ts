import assert from "node:assert/strict";
import { alarmsOf } from "../../agent/alarms";
import { reasonOf } from "../../agent/plane/etcd-faults";
import { statusOf } from "../../agent/status";
import { statusText } from "../../agent/text";
import type { PlaneAnswer } from "../../director/data";
import { AgentSite } from "./agent-site";

const REASON = "connect ECONNREFUSED 10.0.0.5:2379";

function answer(state: PlaneAnswer["state"], conflicts: readonly string[] = []): PlaneAnswer {
  const where = { store: "etcd", endpoints: ["http://10.0.0.5:2379"], prefix: "/heye/edge" } as const;
  return { ...where, state, since: 0, reason: REASON, revision: 7, conflicts, directors: [] };
}

describe("what is said of an etcd that cannot be used", () => {
  it("is the reason, without the words of the library that asked", () => {
    for (const [words, reason] of [
      [`14 UNAVAILABLE: No connection established. Last error: Error: ${REASON}. Resolution note: `, REASON],
      [`14 UNAVAILABLE: No connection established. Last error: ${REASON}. Resolution note: x`, REASON],
      [
        "4 DEADLINE_EXCEEDED: Deadline exceeded after 2.504s,name resolution: 0.370s,remote_addr=10.0.0.5:2379",
        "no answer within 2.504 s",
      ],
      ["7 PERMISSION_DENIED: etcdserver: permission denied\n    at call", "etcdserver: permission denied"],
    ] as const)
      assert.equal(reasonOf(new Error(words)), reason);
  });

  it("tells whether it is lost or not followed, and is told once", async () => {
    const site = await AgentSite.up();
    try {
      const conflict = "tcp 192.0.2.1:80 is nobody's";
      for (const [state, words] of [
        ["lost", `lost at revision 7: ${REASON}`],
        ["alarm", `not followed at revision 7: ${REASON}`],
      ] as const) {
        const plane = answer(state, [conflict]);
        const alarms = alarmsOf(site.keeper.view, undefined, plane);
        assert.deepEqual(alarms, [
          { alarm: "etcd", detail: words },
          { alarm: "conflict", detail: conflict },
        ]);
        const status = { ...statusOf(site.keeper, { version: "x", startedAt: 0 }), alarms, plane };
        const text = statusText(status, 60_000);
        assert.equal(text.split(REASON).length, 2, text);
        assert.equal(text.split(conflict).length, 2, text);
        assert.match(text, new RegExp(`^ALARM: etcd ${state} for `, "m"));
      }
    } finally {
      await site.down();
    }
  });
});
