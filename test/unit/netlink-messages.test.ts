import assert from "node:assert/strict";
import { isIP } from "node:net";
import * as fc from "fast-check";
import { batchesOf } from "../../agent/netlink/batches";
import { type Edit, parseTable, type Service } from "../../ipvs";
import {
  destinationsBody,
  dumpRequest,
  editBody,
  editRequest,
  encodeRequest,
  FAMILIES,
  familyRequest,
  keyOf,
  NetlinkSyntaxError,
  readAnswers,
  readDestination,
  readDestinationTraffic,
  readFamily,
  readService,
  readServiceTraffic,
  savedLines,
  serviceEntry,
  servicesBody,
  UnknownOptionError,
} from "../../ipvs/netlink";
import { addressBytes, readAddress } from "../../ipvs/netlink/address";
import { renderSaved } from "./listings";
import { received } from "./netlink-recording";
import { always } from "./property";
import { anyService } from "./tables";

/** More in a long run: `HEYE_FUZZ_RUNS=100000`. */
const RUNS = { numRuns: Number(process.env.HEYE_FUZZ_RUNS ?? 2_000) };

/** A service as the kernel would tell it if it told exactly what it is given. */
function echoed(service: Service): { read: string[]; key: string } {
  const added = readService(editBody({ kind: "add-service", service }).attributes);
  const destinations = service.destinations.map((destination) => {
    const { attributes } = editBody({ kind: "add-destination", service, destination });
    assert.equal(keyOf(readService(attributes)), keyOf(added));
    const entry = readDestination(attributes, added.family);
    const { upper, lower } = entry;
    assert.deepEqual({ upper, lower }, destination.thresholds ?? { upper: 0, lower: 0 });
    return entry;
  });
  return { read: savedLines(added, destinations), key: keyOf(added) };
}

/** As ipvsadm 1.30 and later print it: the kind of every tunnel is named. */
function printed(service: Service): string[] {
  const text = renderSaved([service]).replace(/( -i -w [0-9]+)$/gm, "$1 --tun-type ipip");
  return text.split("\n").slice(0, -1);
}

describe("messages of IPVS over netlink", () => {
  it("take a service with all its options there and back", () => {
    always(
      fc.property(anyService, (service) => {
        const { read } = echoed(service);
        assert.deepEqual(read, printed(service));
        assert.deepEqual(
          parseTable(read.join("\n")).map((one) => one.destinations.length),
          [service.destinations.length],
        );
      }),
      RUNS,
    );
  });

  it("take flags of schedulers that have no name", () => {
    for (const extra of ["-b flag-3", "-b flag-1,flag-2", "-o -b flag-2"]) {
      const [service] = parseTable(`-A -f 3 -s rr ${extra}`);
      assert.ok(service);
      assert.deepEqual(echoed(service).read, [`-A -f 3 -s rr ${extra}`]);
    }
  });

  it("refuse options that have no place in them, as ipvsadm does", () => {
    const lines = ["-b no-such", "--none", "-p", "-p x", "-M 255.255.255", "-M 1.2.3.999", "-p 99999999999"];
    for (const extra of lines) {
      const id = { protocol: "tcp", address: "192.0.2.1", port: 1, scheduler: "rr" } as const;
      const edit: Edit = { kind: "edit-service", service: { ...id, extra, destinations: [] } };
      assert.throws(() => editBody(edit), UnknownOptionError, extra);
    }
    for (const address of ["192.0.2.256", "x", "", "2001:db8::1::2", "::1.2.3.999"])
      assert.throws(() => addressBytes(address), RangeError, address);
  });

  it("hold addresses as the C library writes them", () => {
    const any = fc.tuple(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]),
    );
    always(
      fc.property(any, ([random, zeros]) => {
        for (const group of zeros) random.fill(0, 2 * group, 2 * group + 2);
        const bytes = Buffer.from(random);
        const text = readAddress(bytes, 0, 16, FAMILIES.ipv6);
        assert.equal(isIP(text), 6, text);
        assert.deepEqual(addressBytes(text), bytes, text);
        const short = readAddress(bytes, 0, 4, FAMILIES.ipv4);
        assert.deepEqual(addressBytes(short).subarray(0, 4), bytes.subarray(0, 4));
      }),
      RUNS,
    );
    const written = [
      "::",
      "::1",
      "1::",
      "::1.2.3.4",
      "::ffff:1.2.3.4",
      "2001:db8:0:1::1",
      "2001:db8::1:0:0:1",
    ];
    for (const text of [...written, "::2:0:0:0:1", "0:1::", "64:ff9b::102:304"])
      assert.equal(readAddress(addressBytes(text), 0, 16, FAMILIES.ipv6), text);
  });

  it("are these bytes", () => {
    const hex = (request: Parameters<typeof encodeRequest>[0]) => encodeRequest(request).toString("hex");
    assert.equal(
      hex(familyRequest("IPVS", 1)),
      "20000000" +
        "1000" +
        "0500" +
        "01000000" +
        "00000000" +
        "03010000" +
        "0900" +
        "0200" +
        "4950565300000000",
    );
    assert.equal(hex(dumpRequest(servicesBody(), 0x18, 2)), "1400000018000103020000000000000004010000");
    const [service] = parseTable("-A -t 192.0.2.1:80 -s rr");
    assert.ok(service);
    const identity = [
      ...["30000180", "0600010002000000", "0600020006000000"],
      ...["14000300c0000201000000000000000000000000", "0600040000500000"],
    ].join("");
    assert.equal(destinationsBody(serviceEntry(service)).attributes.toString("hex"), identity);
    const body = editBody({ kind: "delete-service", service });
    assert.equal(hex(editRequest(body, 0x18, 3, true)).slice(12, 16), "0500");
    assert.equal(hex(editRequest(body, 0x18, 3, false)).slice(12, 16), "0100");
  });

  it("go into batches in their order, none longer than a datagram may be", () => {
    const sizes = fc.array(fc.integer({ min: 4, max: 1_000 }), { maxLength: 400 });
    always(
      fc.property(sizes, (lengths) => {
        const bodies = lengths.map((length) => ({ attributes: Buffer.alloc(length) }));
        const batches = batchesOf(bodies);
        assert.deepEqual(
          batches.flatMap(({ from, to }) => bodies.slice(from, to)),
          bodies,
        );
        for (const { from, to } of batches) {
          assert.ok(to > from);
          assert.ok(lengths.slice(from, to).reduce((sum, length) => sum + length + 24, 0) <= 48_000);
        }
      }),
      { numRuns: 200 },
    );
  });

  describe("damaged", () => {
    /** Reads all that can be read of a datagram. */
    const readAll = (datagram: Buffer) => {
      for (const answer of readAnswers(datagram)) {
        if (answer.kind === "end") continue;
        const { attributes } = answer;
        for (const read of [readService, readServiceTraffic, readDestinationTraffic, readFamily])
          refusing(() => read(attributes));
        refusing(() => readDestination(attributes, FAMILIES.ipv4));
      }
    };
    const refusing = (read: () => void) => {
      try {
        read();
      } catch (error) {
        assert.ok(error instanceof NetlinkSyntaxError, String(error));
      }
    };

    it("are refused, wherever they are cut", () => {
      for (const datagram of received())
        for (let length = 0; length < Math.min(datagram.length, 1_200); length++)
          refusing(() => readAll(datagram.subarray(0, length)));
    });

    it("are read or refused, whatever is in them", () => {
      const from = fc.constantFrom(...received());
      const flips = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat({ max: 255 })), {
        minLength: 1,
        maxLength: 8,
      });
      const flipped = fc.tuple(from, flips).map(([datagram, all]) => {
        const copy = Buffer.from(datagram);
        for (const [at, value] of all) copy[Math.floor(at * copy.length)] = value;
        return copy;
      });
      const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
      for (const datagrams of [flipped, random])
        always(
          fc.property(datagrams, (datagram) => refusing(() => readAll(datagram))),
          RUNS,
        );
    });
  });
});
