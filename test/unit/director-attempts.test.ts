import assert from "node:assert/strict";
import {
  type Applied,
  ConnectionLostError,
  Director,
  NotAppliedError,
  putVirtualServer,
  type SessionPool,
} from "../../director";

const SERVICE = "-A -t 192.0.2.1:80 -s rr";
const CHANGE = putVirtualServer(
  { id: "me-1", label: "shop/prod Cluster edge" },
  "tcp 192.0.2.1:80",
  {
    ...({ protocol: "tcp", address: "192.0.2.1", port: 80, resource: "web", scheduler: "rr" } as const),
    pool: "inline",
    members: [],
  },
  { known: true },
);

/** A director whose table somebody else edits whenever we want to change it, but for the first time as `first` says. */
function restless(first: () => string): Director {
  let changes = 0;
  const ask = async (_user: string, request: () => { words: string }) => {
    const isRead = request().words.startsWith("read");
    if (!isRead) changes++;
    const other = `-A -t 192.0.2.9:${changes + 1} -s rr`;
    const text = isRead
      ? answer("state", [])
      : changes === 1
        ? first()
        : answer("changed", changes === 2 ? [other] : [SERVICE, other]);
    return { kernel: "6.12.0", ipvsadm: "ipvsadm v1.31", status: 0, text };
  };
  return new Director("d1", { host: "192.0.2.11" }, { get: async () => ({ ask }) } as unknown as SessionPool);
}

function answer(outcome: string, table: readonly string[], messages = ""): string {
  return [`heye 2 ${outcome}`, "= registry text", "= table text", ...table, "= messages", messages].join(
    "\n",
  );
}

function change(first: () => string): Promise<Applied> {
  return restless(first).change(CHANGE);
}

describe("a change that finds another director each time", () => {
  it("is given up as busy when nothing of it was made", async () => {
    await assert.rejects(
      change(() => answer("changed", [])),
      { code: "HEYE_BUSY", message: /Nothing was changed/ },
    );
  });

  it("says what ipvsadm complained of when it was made once, and how to undo it", async () => {
    await assert.rejects(
      change(() => answer("applied", [SERVICE], "Memory allocation problem")),
      (error) => {
        assert.ok(error instanceof NotAppliedError, String(error));
        assert.match(error.message, /ipvsadm said: Memory allocation problem/);
        assert.equal(error.before, undefined);
        return true;
      },
    );
  });

  it("does not say that nothing was changed when it may have been", async () => {
    const lost = new ConnectionLostError("d1", "changing its table", "it is gone");
    await assert.rejects(
      change(() => {
        throw lost;
      }),
      lost,
    );
  });
});
