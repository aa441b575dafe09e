import assert from "node:assert/strict";
import {
  Director,
  type Member,
  NoVirtualServerError,
  putMember,
  putVirtualServer,
  type SessionPool,
} from "../../director";
import { EMPTY_REGISTRY } from "../../director/registry";
import { renderRegistry } from "../../director/registry-format";
import type { ChangeRequest } from "../../director/request";

const KEY = "tcp 192.0.2.1:80";
const ACTOR = { id: "me-1", label: "shop/prod Cluster edge" };
const MEMBER: Member = { address: "10.0.0.1", port: 80, weight: 1, forwarding: "nat" };
const LIMITS =
  "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port            uthreshold lthreshold ActiveConn InActConn\n  -> RemoteAddress:Port\n";

const virtualServer = putVirtualServer(
  ACTOR,
  KEY,
  {
    protocol: "tcp",
    address: "192.0.2.1",
    port: 80,
    resource: "web",
    scheduler: "rr",
    pool: "separate",
    members: [],
  },
  { known: false },
);
const realServer = putMember(ACTOR, KEY, { ...MEMBER, resource: "r1" }, { known: false });

/** The real Director over a session that keeps what it is told to, and counts what it is asked. */
class CountedDirector {
  registry = EMPTY_REGISTRY;
  lines: readonly string[] = [];
  asked: string[] = [];
  #answers = 0;
  readonly session = {
    closed: false,
    ask: async (_user: string, request: () => ChangeRequest) => this.#serve(request()),
  };
  readonly director: Director;

  constructor(looksLastMs = 0) {
    const pool = { get: async () => this.session } as unknown as SessionPool;
    this.director = new Director("d1", { host: "192.0.2.11" }, pool, "ssh", looksLastMs);
  }

  take(): string[] {
    return this.asked.splice(0);
  }

  #serve({ words, predicted }: ChangeRequest): { id: string; kernel: string; status: number; text: string } {
    const [verb = "", , , limits, seen] = words.split(" ");
    this.asked.push(verb === "read" && seen !== "-" ? "glance" : verb);
    if (verb === "change") {
      this.registry = predicted.registry;
      this.lines = predicted.lines;
    }
    const registry = renderRegistry(this.registry).split("\n").slice(0, -1);
    const thresholds = verb === "read" && limits !== "none" ? [`= limits text\n${LIMITS}`.trimEnd()] : [];
    const parts = [
      "= registry text",
      ...registry,
      "= table text",
      ...this.lines,
      ...thresholds,
      "= messages",
      "",
    ];
    const outcome = verb === "change" ? "applied" : "state";
    return {
      id: `${++this.#answers}`,
      kernel: "6.12.0",
      status: 0,
      text: [`heye 2 ${outcome}`, ...parts].join("\n"),
    };
  }
}

describe("a rehearsal", () => {
  it("asks the director, however shortly before that has told something", async () => {
    const one = new CountedDirector();
    await one.director.rehearse(virtualServer);
    await one.director.change(virtualServer);
    await one.director.rehearse(realServer);
    await one.director.rehearse(realServer);
    assert.deepEqual(one.take(), ["read", "change", "glance", "glance"]);
  });

  it("refuses nothing that it has not read whole", async () => {
    const one = new CountedDirector();
    await one.director.rehearse(virtualServer);
    one.take();
    await assert.rejects(one.director.rehearse(realServer), NoVirtualServerError);
    assert.deepEqual(one.take(), ["glance", "read"]);
  });
});

describe("looks at a director", () => {
  it("are shared for as long as they last, and while nothing was changed", async () => {
    const one = new CountedDirector(60_000);
    const [first, second] = [await one.director.inspect(), await one.director.inspect()];
    assert.equal(first, second);
    assert.equal(first.limits?.size, 0);
    assert.deepEqual(one.take(), ["read"]);
    await one.director.change(virtualServer);
    assert.equal((await one.director.inspect()).table.length, 1);
    await one.director.inspect(0);
    assert.deepEqual(one.take(), ["change", "read", "read"]);
  });

  it("are each of their own where nobody said how long they last", async () => {
    const one = new CountedDirector();
    await one.director.inspect();
    await one.director.inspect();
    assert.deepEqual(one.take(), ["read", "read"]);
  });
});
