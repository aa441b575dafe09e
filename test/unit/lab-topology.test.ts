import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import {
  announcement,
  directorBatch,
  portsOf,
  routerBatch,
  serverBatch,
  switchBatch,
} from "../../lab/batches";
import { LabInputError } from "../../lab/errors";
import { nodeNames, topology, VIRTUAL } from "../../lab/topology";
import { replacement } from "../../lab/world/netfilter";
import { groupMessage } from "../../lab/world/nexthops";

const LARGEST = topology({ directors: 254, servers: 1000, database: true });
const SMALL = topology({ directors: 3, servers: 4, database: true });
const UPLINK = { device: "vec0", echoes: false };
const netns = (node: string): string => `x-${node}`;

describe("lab: topology", () => {
  it("gives every node of the largest lab valid addresses that nobody else has", () => {
    const v4 = [
      ...LARGEST.directors.flatMap((d) => [d.management, d.front, d.back]),
      ...LARGEST.servers.map((s) => s.address),
    ];
    const v6 = [
      ...LARGEST.directors.flatMap((d) => [d.front6, d.back6]),
      ...LARGEST.servers.map((s) => s.address6),
    ];
    assert.deepEqual(
      v4.filter((address) => !isIPv4(address)),
      [],
    );
    assert.deepEqual(
      v6.filter((address) => !isIPv6(address)),
      [],
    );
    assert.equal(new Set(v4).size, v4.length);
    assert.equal(new Set(v6).size, v6.length);
  });

  it("names directors, web servers, db1 and tcp1 as the commands do", () => {
    const names = ["d1", "d2", "d3", "rs1", "rs2", "rs3", "rs4", "db1", "tcp1", "client", "router", "switch"];
    assert.deepEqual(nodeNames(SMALL), names);
  });

  it("keeps db1 without a database, with no port", () => {
    const db = topology({ directors: 1, servers: 0, database: false }).servers.find((s) => s.name === "db1");
    assert.deepEqual(db?.ports, {});
  });

  for (const [field, shape] of [
    ["directors", { directors: 0, servers: 4, database: false }],
    ["directors", { directors: 255, servers: 4, database: false }],
    ["directors", { directors: 1.5, servers: 4, database: false }],
    ["servers", { directors: 1, servers: -1, database: false }],
    ["servers", { directors: 1, servers: 1001, database: false }],
  ] as const)
    it(`refuses ${JSON.stringify(shape)} and names ${field}`, () => {
      assert.throws(
        () => topology(shape),
        (error) => error instanceof LabInputError && error.message.startsWith(field),
      );
    });
});

describe("lab: batches", () => {
  it("keeps interface names within the kernel's 15 characters", () => {
    const names = switchBatch(LARGEST, netns, UPLINK).flatMap(
      (line) => /^link add (\S+)/.exec(line)?.[1] ?? [],
    );
    assert.ok(names.length > 1000);
    assert.deepEqual(
      names.filter((name) => name.length > 15),
      [],
    );
  });

  it("links every node to a bridge, and cuts off exactly its own links", () => {
    const lines = switchBatch(SMALL, netns, UPLINK);
    for (const node of [...SMALL.directors, ...SMALL.servers])
      for (const port of portsOf(node)) {
        assert.ok(
          lines.some(
            (line) => line.startsWith(`link add ${port} type veth`) && line.endsWith(netns(node.name)),
          ),
        );
        assert.ok(lines.some((line) => line.startsWith(`link set ${port} master`)));
      }
    assert.equal(portsOf(SMALL.directors[0] ?? assert.fail()).length, 3);
  });

  it("spreads the virtual prefixes over the given directors, all 254 of them", () => {
    const { groups, routes } = announcement(LARGEST.directors);
    assert.deepEqual(
      groups.map(({ members }) => members.length),
      [254, 254],
    );
    assert.deepEqual(
      routes,
      groups.map(({ id }, i) => `route replace ${Object.values(VIRTUAL)[i]} nhid ${id}`),
    );
    // ip splits a line of a batch into 512 words at most.
    for (const line of routerBatch(LARGEST, netns)) assert.ok(line.split(" ").length < 512, line);
  });

  it("uses the nexthops of those directors, in either family", () => {
    const [first] = LARGEST.directors;
    const { groups } = announcement(first ? [first] : []);
    const nexthops = routerBatch(LARGEST, netns);
    for (const [i, address] of [first?.front, first?.front6].entries())
      assert.ok(nexthops.includes(`nexthop add id ${groups[i]?.members[0]} via ${address} dev ethf`));
  });

  it("writes a group as the kernel wants it", () => {
    const message = groupMessage(1000, [1, 258]).toString("hex");
    const [header, nexthop] = ["3400000068000505".padEnd(32, "0"), "00".repeat(8)];
    const [identity, group] = ["08000100e8030000", "1400020001000000000000000201000000000000"];
    assert.equal(message, header + nexthop + identity + group);
  });

  it("writes a table of iptables as the kernel wants it", () => {
    const info = Buffer.alloc(84);
    info.write("nat");
    // valid_hooks, ten positions, the number and the size of the entries.
    const numbers = [0x1b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 6, 4];
    for (const [i, number] of numbers.entries()) info.writeUInt32LE(number, 32 + 4 * i);
    const message = replacement("nat", info, Buffer.from("rule"), 5);
    assert.equal(message.toString("latin1", 0, 32), "nat".padEnd(32, "\0"));
    const words = Array.from({ length: 14 }, (_, i) => message.readUInt32LE(32 + 4 * i));
    assert.deepEqual(words, [0x1b, 6, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5]);
    assert.equal(message.readBigUInt64LE(88), 0n);
    assert.equal(message.toString("latin1", 96), "rule");
  });

  it("uses a nexthop of its own for each director and family", () => {
    const ids = routerBatch(LARGEST, netns).flatMap((line) => /^nexthop add id (\d+) /.exec(line)?.[1] ?? []);
    assert.equal(ids.length, 508);
    assert.equal(new Set(ids).size, 508);
  });

  it("makes the virtual prefixes unreachable when no director is left, rather than leaving an empty group", () => {
    assert.deepEqual(announcement([]), {
      groups: [],
      routes: [`route replace unreachable ${VIRTUAL.v4}`, `route replace unreachable ${VIRTUAL.v6}`],
    });
  });

  it("takes the virtual prefixes for local on directors and servers", () => {
    const batches = [...SMALL.directors.map(directorBatch), ...SMALL.servers.map(serverBatch)];
    for (const lines of batches)
      for (const prefix of Object.values(VIRTUAL))
        assert.ok(lines.includes(`route add local ${prefix} dev lo`));
  });
});
