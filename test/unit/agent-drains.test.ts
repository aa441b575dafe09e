import assert from "node:assert/strict";
import { Drains } from "../../agent/drains";
import type { Member } from "../../director";
import type { ConnectionCount } from "../../ipvs";
import { virtualServer } from "./agent-site";

const SERVER = "10.0.0.1:53";
const LEAVING: Member = {
  address: "10.0.0.1",
  port: 53,
  weight: 3,
  forwarding: "nat",
  draining: true,
  leaving: true,
  drainMs: 60_000,
};

const NONE = { active: 0, inactive: 0 };
const FLOWS = { active: 0, inactive: 5 };

describe("a drain that nobody waits for", () => {
  /** Whether it is over, for a server that has been on its way out for so long. */
  const isOver = (
    service: string,
    elapsedMs: number,
    some: { active: number; inactive: number } | undefined,
  ) => {
    const by = "change" as const;
    const drains = new Drains([{ service, server: SERVER, startedAt: 0, elapsedMs, by }], () => 0);
    const counts: readonly ConnectionCount[] = [
      { service, destination: SERVER, weight: 0, ...(some ?? NONE) },
    ];
    return drains.due(new Map([[service, virtualServer([LEAVING])]]), some && counts).length > 0;
  };
  it("is over when connections have ended; those that close count while a handshake may be among them", () => {
    const key = "tcp 192.0.2.1:53";
    assert.equal(isOver(key, 2_000, { active: 1, inactive: 0 }), false);
    assert.equal(isOver(key, 500, FLOWS), false);
    assert.equal(isOver(key, 2_000, FLOWS), true);
  });

  for (const key of ["udp 192.0.2.1:53", "fwmark 7", "fwmark 7 -6"])
    it(`goes on with ${key} as long as the kernel remembers a flow: none of udp is ever established`, () => {
      assert.equal(isOver(key, 2_000, FLOWS), false);
      assert.equal(isOver(key, 59_000, FLOWS), false);
      assert.equal(isOver(key, 60_000, FLOWS), true, "its time is over");
      assert.equal(isOver(key, 2_000, NONE), true, "nobody is left");
    });

  it("waits for its time where the kernel does not tell its connections", () => {
    assert.equal(isOver("udp 192.0.2.1:53", 59_000, undefined), false);
    assert.equal(isOver("udp 192.0.2.1:53", 60_000, undefined), true);
  });
});

describe("a drain that an operator has asked for", () => {
  const KEY = "tcp 192.0.2.1:53";
  const NAMED = { service: KEY, server: SERVER };
  const { draining: _, leaving: __, ...member } = LEAVING;
  const withIt = new Map([[KEY, virtualServer([member])]]);
  const withoutIt = new Map([[KEY, virtualServer([])]]);
  let nowMs: number;
  let drains: Drains;
  beforeEach(() => {
    nowMs = 0;
    drains = new Drains([], () => nowMs);
    drains.start([NAMED]);
  });

  it("has no deadline: it lasts until it is taken back", () => {
    nowMs = 30 * 86_400_000;
    drains.follow(withIt);
    assert.deepEqual(drains.due(withIt, []), []);
    assert.equal(drains.isAsked(KEY, SERVER), true);
    drains.end([NAMED]);
    assert.equal(drains.isAsked(KEY, SERVER), false);
  });

  it("outlives a change that takes its server out and is taken back", () => {
    drains.follow(withoutIt);
    nowMs = 590_000;
    drains.follow(withIt);
    nowMs = 1_200_000;
    drains.follow(withIt);
    assert.equal(drains.isAsked(KEY, SERVER), true);
  });

  it("is not one of a new server that has the address long after, though nothing was changed meanwhile", () => {
    drains.follow(withoutIt);
    nowMs = 610_000;
    drains.follow(withIt);
    assert.equal(drains.isAsked(KEY, SERVER), false);
  });
});
