import assert from "node:assert/strict";
import type { HealthRecord } from "../../agent";
import { believed } from "../../agent/belief";
import type { Member, Registration, Registry } from "../../director";
import { parseTable } from "../../ipvs";
import { virtualServer } from "./agent-site";

const KEY = "tcp 192.0.2.1:80";
const OTHER = "tcp 192.0.2.2:80";
const SORRY = { sorryServer: { address: "10.0.0.250", port: 80, forwarding: "nat" } } as const;

const member = (host: number, more: Partial<Member> = {}): Member => {
  return { address: `10.0.0.${host}`, port: 80, weight: 3, forwarding: "nat", ...more };
};
const registry = (...services: readonly (readonly [string, Registration])[]): Registry => {
  return { owners: { "me-1": { label: "me", virtualServers: Object.fromEntries(services) } } };
};
const one = (members: readonly Member[], more: Partial<Registration> = {}) =>
  registry([KEY, virtualServer(members, more)]);
const rules = (address: string, weights: Readonly<Record<number, number>>) =>
  [
    `-A -t ${address}:80 -s rr`,
    ...Object.entries(weights).map(
      ([host, weight]) => `-a -t ${address}:80 -r 10.0.0.${host}:80 -m -w ${weight}`,
    ),
  ].join("\n");
const table = (...texts: readonly string[]) => parseTable(`${texts.join("\n")}\n`);
const NOTHING: HealthRecord = { down: {}, lost: [], drains: [] };

/** The last numbers of the addresses of servers that are taken for dead. */
const dead = ({ down }: HealthRecord) =>
  Object.keys(down)
    .map((probe) => Number(/10\.0\.0\.(\d+)/.exec(probe)?.[1]))
    .sort((a, b) => a - b);
const recordOf = (all: Registry) => believed(all, all, undefined, table(rules("192.0.2.1", {})));

describe("what an agent believes when it starts", () => {
  const both = one([member(1), member(2)]);
  /** In which 1 and 2 are down. */
  const allDown = recordOf(both);

  it("is what the kernel says, where a server died or came back just before", () => {
    assert.deepEqual(dead(allDown), [1, 2]);
    const found = table(rules("192.0.2.1", { 1: 0, 2: 3 }));
    assert.deepEqual(dead(believed(both, both, NOTHING, found)), [1]);
    assert.deepEqual(dead(believed(both, both, allDown, found)), [1]);
  });

  it("is what was written down, where the kernel has nothing: after a reboot", () => {
    assert.deepEqual(dead(believed(both, both, allDown, [])), [1, 2]);
    assert.deepEqual(dead(believed(both, both, undefined, [])), []);
  });

  it("is that a server is well which a change that was cut short has let in, though it rests elsewhere", () => {
    const resting = [
      OTHER,
      virtualServer([member(1)], { address: "192.0.2.2", ...SORRY } as Partial<Registration>),
    ] as const;
    const before = registry([KEY, virtualServer([member(2)])], resting);
    const after = registry([KEY, virtualServer([member(1)])], resting);
    const found = table(rules("192.0.2.1", { 1: 3 }), rules("192.0.2.2", { 1: 0, 250: 1 }));
    assert.deepEqual(dead(believed(before, after, NOTHING, found)), []);
    const still = table(rules("192.0.2.1", { 2: 3 }), rules("192.0.2.2", { 1: 0, 250: 1 }));
    assert.deepEqual(dead(believed(before, after, NOTHING, still)), [1]);
  });

  it("is what was written down, where the kernel says both", () => {
    const two = registry(
      [KEY, virtualServer([member(1)])],
      [OTHER, virtualServer([member(1)], { address: "192.0.2.2" } as Partial<Registration>)],
    );
    const found = table(rules("192.0.2.1", { 1: 3 }), rules("192.0.2.2", { 1: 0 }));
    assert.deepEqual(dead(believed(two, two, NOTHING, found)), []);
    assert.deepEqual(dead(believed(two, two, allDown, found)), [1, 2]);
  });

  it("takes nobody for dead who has no weight for another reason: held, draining, drained by an operator", () => {
    const resting = one([member(1, { held: true }), member(2, { draining: true }), member(3)]);
    const drain = {
      service: KEY,
      server: "10.0.0.3:80",
      startedAt: 1,
      elapsedMs: 0,
      by: "operator",
    } as const;
    const found = table(rules("192.0.2.1", { 1: 0, 2: 0, 3: 0 }));
    assert.deepEqual(dead(believed(resting, resting, { ...NOTHING, drains: [drain] }, found)), []);
  });

  it("takes nobody for dead whom a change that was cut short puts in, takes out or drains", () => {
    const after = one([member(1, { draining: true }), member(3), member(4)]);
    const before = one([member(1), member(2), member(4)]);
    const found = table(rules("192.0.2.1", { 1: 0, 4: 0 }));
    assert.deepEqual(dead(believed(before, after, NOTHING, found)), [4]);
  });

  it("knows by the sorry server whether the quorum is lost; who rests behind it proves itself anew", () => {
    const sorry = one([member(1), member(2)], SORRY);
    const standing = believed(sorry, sorry, NOTHING, table(rules("192.0.2.1", { 1: 0, 2: 0, 250: 1 })));
    assert.deepEqual([dead(standing), standing.lost], [[1, 2], [KEY]]);
    const gone = believed(sorry, sorry, standing, table(rules("192.0.2.1", { 1: 3, 2: 0 })));
    assert.deepEqual([dead(gone), gone.lost], [[2], []]);
  });

  it("is not that the quorum is lost because a sorry server that is in the pool too takes connections with the others", () => {
    const { address, port, forwarding } = member(1);
    const all = one([member(1), member(2), member(3)], { sorryServer: { address, port, forwarding } });
    const lost: HealthRecord = { ...NOTHING, lost: [KEY] };
    const found = (weights: Readonly<Record<number, number>>) => table(rules("192.0.2.1", weights));
    assert.deepEqual(believed(all, all, NOTHING, found({ 1: 3, 2: 3, 3: 0 })).lost, []);
    assert.deepEqual(believed(all, all, lost, found({ 1: 3, 2: 3, 3: 0 })).lost, []);
    // It alone may be all that is well, or stand in.
    for (const before of [NOTHING, lost])
      assert.deepEqual(believed(all, all, before, found({ 1: 3, 2: 0, 3: 0 })).lost, before.lost);
  });

  it("is what was written down, where servers take connections although too many are down", () => {
    const open = one([member(1), member(2)], { failOpenPercent: 50 });
    const found = table(rules("192.0.2.1", { 1: 3, 2: 3 }));
    assert.deepEqual(dead(believed(open, open, allDown, found)), [1, 2]);
  });
});
