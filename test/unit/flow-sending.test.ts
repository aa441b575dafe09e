import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Flow } from "../../agent/flow/flow";
import { checksum, packetOf } from "../../agent/flow/segment";
import { type SendingPlace, sendFlow } from "../../agent/flow/sending";
import { flowText } from "../../agent/flow/text";
import { type FlowEnds, type TableConnection, tableConnection } from "../../ipvs";
import { always } from "./property";

const ENDS: FlowEnds = {
  client: { address: "10.30.0.2", port: 20_500 },
  place: { address: "192.0.2.10", port: 80 },
};
const ENDS6: FlowEnds = {
  client: { address: "fd30::2", port: 5 },
  place: { address: "2001:db8:100::10", port: 443 },
};
const FLOW: Flow = {
  ...{ service: "tcp 192.0.2.10:80", scheduler: "mh", server: "10.20.1.1:80", bucket: 7, buckets: 4_093 },
  ...{ hashesPort: true, persistent: false },
  candidates: [
    { destination: "10.20.1.1:80", weight: 1 },
    { destination: "10.20.1.2:80", weight: 1 },
  ],
};
const { server: _, bucket: __, buckets: ___, ...ROUND } = { ...FLOW, scheduler: "rr" };

describe("a packet in a client's name", () => {
  it("is a segment of TCP that goes no further than its machine", () => {
    const sequence = 0xffff_ffff;
    const four = packetOf({ ...ENDS, flag: "syn", sequence });
    assert.equal(four.length, 40);
    assert.deepEqual([four[0], four.readUInt16BE(2), four[8], four[9]], [0x45, 40, 1, 6]);
    assert.deepEqual([...four.subarray(12, 20)], [10, 30, 0, 2, 192, 0, 2, 10]);
    assert.deepEqual([four.readUInt16BE(20), four.readUInt16BE(22), four[33]], [20_500, 80, 0x02]);
    const six = packetOf({ ...ENDS6, flag: "rst", sequence });
    assert.equal(six.length, 60);
    assert.deepEqual([six[0], six.readUInt16BE(4), six[6], six[7], six[53]], [0x60, 20, 6, 1, 0x04]);
    assert.equal(six.subarray(8, 24).toString("hex"), "fd300000000000000000000000000002");
  });

  it("has a checksum that makes the sum of all words nothing", () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    const ends = fc.record({ from: fc.ipV4(), to: fc.ipV4(), fromPort: port, toPort: port });
    const sequences = fc.integer({ min: 0, max: 2 ** 33 });
    always(
      fc.property(ends, fc.constantFrom("syn", "ack", "rst"), sequences, (one, flag, sequence) => {
        const client = { address: one.from, port: one.fromPort };
        const packet = packetOf({ client, place: { address: one.to, port: one.toPort }, flag, sequence });
        const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 6, 0, 20])]);
        assert.equal(checksum(Buffer.concat([pseudo, packet.subarray(20)])), 0);
      }),
    );
  });
});

describe("the kernel's connection table", () => {
  const HEAD = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData";

  it("tells the server of a connection in either family, and by both ends alone", () => {
    const line = "TCP 0A1E0002 5014 C000020A 0050 0A140101 0050 SYN_RECV         59";
    assert.deepEqual(tableConnection(line, ENDS), { server: "10.20.1.1:80", state: "SYN_RECV" });
    const six =
      "TCP fd30:0000:0000:0000:0000:0000:0000:0002 0005 2001:0db8:0100:0000:0000:0000:0000:0010 01BB fd20:0000:0000:0000:0000:0000:0001:0001 01BB ESTABLISHED     899";
    assert.deepEqual(tableConnection(six, ENDS6), { server: "[fd20::1:1]:443", state: "ESTABLISHED" });
    const mixed = six.replace("fd20:0000:0000:0000:0000:0000:0001:0001", "0A140102");
    assert.deepEqual(tableConnection(mixed, ENDS6)?.server, "10.20.1.2:443");
    for (const other of [
      HEAD,
      "",
      line.replace("5014", "5015"),
      line.replace("0050 0A", "0051 0A"),
      line.replace("0A1E0002", "0A1E0003"),
      line.replace("TCP", "UDP"),
      "TCP 0A1E0002 5014 C000020A 0050 nonsense 0050 SYN_RECV 59",
    ])
      assert.equal(tableConnection(other, ENDS), undefined, other);
  });
});

describe("a flow that is sent", () => {
  /** A kernel that takes this server; what it was sent, by the flags of TCP. */
  const director = (takes: string | undefined, more: Partial<SendingPlace> = {}) => {
    const sent: number[] = [];
    let held: TableConnection | undefined;
    const place: SendingPlace = {
      ...{ release: "6.1.0-13-amd64", own: new Set(["127.0.0.1", "10.20.0.1"]) },
      find: async () => held,
      send: (packet, to) => {
        assert.equal(to, "192.0.2.10");
        sent.push(packet[33] ?? 0);
        held ??= takes === undefined ? undefined : { server: takes, state: "SYN_RECV" };
      },
      ...more,
    };
    return { sent, place };
  };
  const [SYN, ACK, RST] = [0x02, 0x10, 0x04];

  it("agrees with what was computed, or does not, and is closed", async () => {
    const same = director("10.20.1.1:80");
    const agreed = await sendFlow(FLOW, ENDS, same.place);
    assert.deepEqual(agreed, { server: "10.20.1.1:80", agrees: true });
    assert.deepEqual(same.sent, [SYN, ACK, RST]);
    assert.match(
      flowText([{ ...FLOW, sent: agreed }]),
      /^ {2}sent: the kernel takes 10\.20\.1\.1:80, as computed$/m,
    );
    const differs = await sendFlow(FLOW, ENDS, director("10.20.1.2:80").place);
    assert.deepEqual(differs, { server: "10.20.1.2:80", agrees: false });
    assert.match(flowText([{ ...FLOW, sent: differs }]), /NOT AS COMPUTED: the kernel takes 10\.20\.1\.2:80/);
  });

  it("is refused where that was computed, and is not where it was not", async () => {
    const nobody = director(undefined);
    const refused = await sendFlow({ ...FLOW, server: null }, ENDS, nobody.place);
    assert.deepEqual(refused, { server: null, agrees: true });
    assert.deepEqual(nobody.sent, [SYN], "there is nothing to close");
    assert.match(flowText([{ ...FLOW, server: null, sent: refused }]), /takes no server, as computed/);
    const lost = await sendFlow(FLOW, ENDS, nobody.place);
    assert.deepEqual(lost, { server: null, agrees: false });
    assert.match(
      flowText([{ ...FLOW, sent: lost }]),
      /NOT AS COMPUTED: the kernel takes no server\. It refuses/,
    );
  });

  it("is told with the servers that may be chosen, and with no other", () => {
    const candidates = [...FLOW.candidates, { destination: "10.20.1.3:80", weight: 0 }];
    const text = flowText([{ ...ROUND, candidates }]);
    assert.match(text, /10\.20\.1\.2:80/);
    assert.doesNotMatch(text, /10\.20\.1\.3:80/);
  });

  it("tells the server of the moment where none is computed", async () => {
    const sent = await sendFlow(ROUND, ENDS, director("10.20.1.2:80").place);
    assert.deepEqual(sent, { server: "10.20.1.2:80" });
    assert.match(flowText([{ ...ROUND, sent }]), /^ {2}sent: the kernel takes 10\.20\.1\.2:80$/m);
  });

  it("is not sent where it would harm, and says why", async () => {
    const candidates = [{ destination: "10.20.0.1:80", weight: 1 }];
    const cases: [Flow, Partial<SendingPlace>, RegExp][] = [
      [{ ...FLOW, service: "udp 192.0.2.10:80" }, {}, /only a connection of tcp/],
      [{ ...FLOW, persistent: true }, {}, /persistence would hold the client/],
      [{ ...FLOW, candidates }, {}, /10\.20\.0\.1:80 is the director itself/],
      [FLOW, { release: "4.9.0" }, /its kernel, 4\.9\.0, would pass the packet on/],
      [FLOW, { release: "3.10.0-1160.el7" }, /would pass the packet on/],
      [
        FLOW,
        { find: async () => ({ server: "10.20.1.2:80", state: "ESTABLISHED" }) },
        /has this connection here already \(ESTABLISHED\), and goes on to 10\.20\.1\.2:80/,
      ],
    ];
    for (const [flow, more, words] of cases) {
      const { sent, place } = director("10.20.1.1:80", more);
      const told = await sendFlow(flow, ENDS, place);
      assert.match(flowText([{ ...flow, sent: told }]), words);
      assert.match(flowText([{ ...flow, sent: told }]), /^ {2}not sent: /m);
      assert.deepEqual(sent, [], String(words));
    }
    const { place } = director("10.20.1.1:80", { release: "4.10.0" });
    assert.equal((await sendFlow(FLOW, ENDS, place)).agrees, true);
  });
});
