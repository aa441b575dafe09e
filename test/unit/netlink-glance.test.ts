import assert from "node:assert/strict";
import * as fc from "fast-check";
import { NetlinkKernel } from "../../agent/netlink/kernel";
import type { Channel } from "../../agent/netlink/socket";
import { readTableText } from "../../director/table-text";
import { type Service, type Table, withoutCounts } from "../../ipvs";
import {
  destinationsBody,
  editBody,
  glanceKey,
  glancesOf,
  hasTunnels,
  savedLines,
  serviceEntry,
} from "../../ipvs/netlink";
import { renderProcfs } from "./listings";
import { anyTable, anyTwoTables } from "./tables";

const [CONTROLLER, FAMILY] = [0x10, 0x1b];
const GET_SERVICE = 4;
const HEAD_BYTES = 20;

function message(type: number, sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + payload.length, 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt32LE(sequence, 8);
  return Buffer.concat([head, payload]);
}

/** A kernel that holds a table and tells it, all of it in one datagram for each question. */
class Telling {
  /** Services whose destinations were asked for. */
  asked = 0;

  constructor(public table: Table) {}

  readonly open = (): Channel => {
    let said: Buffer[] = [];
    return {
      send: (request) => {
        said = this.#answers(request);
      },
      receive: () => said.shift(),
      close: () => undefined,
    };
  };

  #answers(request: Buffer): Buffer[] {
    const [type, sequence, command] = [request.readUInt16LE(4), request.readUInt32LE(8), request[16] ?? 0];
    const end = message(3, sequence, Buffer.alloc(4));
    if (type === CONTROLLER)
      return [message(CONTROLLER, sequence, Buffer.from("01020000060001001b000000", "hex")), end];
    const told =
      command === GET_SERVICE ? this.#services() : this.#destinations(request.subarray(HEAD_BYTES));
    const data = told.map((one) => message(FAMILY, sequence, Buffer.concat([Buffer.alloc(4), one])));
    return [...(data.length > 0 ? [Buffer.concat(data)] : []), end];
  }

  #services(): Buffer[] {
    return this.table.map((service) => editBody({ kind: "add-service", service }).attributes);
  }

  #destinations(identity: Buffer): Buffer[] {
    this.asked++;
    const found = this.table.find((one) => destinationsBody(serviceEntry(one)).attributes.equals(identity));
    return (found?.destinations ?? []).map((destination) => {
      const service = found as Service;
      const { attributes } = editBody({ kind: "add-destination", service, destination });
      return attributes.subarray(attributes.readUInt16LE(0));
    });
  }
}

describe("tables that were read", () => {
  it("are remembered while they are looked at again and again, and not for ever", () => {
    const pool = (weight: number) =>
      readTableText([
        "-A -t 192.0.2.9:80 -s wrr",
        ...Array.from({ length: 1_000 }, (_, host) =>
          host === 0
            ? `-a -t 192.0.2.9:80 -r 10.9.0.0:80 -m -w ${weight}`
            : `-a -t 192.0.2.9:80 -r 10.9.${host >> 8}.${host & 255}:80 -m -w 1`,
        ),
      ]).table[0];
    const first = pool(1);
    assert.equal(pool(1), first);
    for (let weight = 2; weight < 400; weight++) pool(weight);
    assert.notEqual(pool(1), first);
  });
});

describe("a table over netlink, looked at again", () => {
  it("is the same as one that is read for the first time, whatever was changed", async () => {
    await fc.assert(
      fc.asyncProperty(anyTwoTables, async (tables) => {
        const telling = new Telling([]);
        const kernel = new NetlinkKernel(telling.open, () => renderProcfs(telling.table));
        for (const table of [...tables, ...tables]) {
          telling.table = table;
          const fresh = await new NetlinkKernel(telling.open, () => undefined).read();
          const again = await kernel.read();
          assert.deepEqual(again, fresh);
          assert.equal(await kernel.read(), again, "nothing has changed");
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is asked for the destinations of those services alone of which procfs tells something else, or too little", async () => {
    await fc.assert(
      fc.asyncProperty(anyTable, async (table) => {
        const telling = new Telling(table);
        const kernel = new NetlinkKernel(telling.open, () => renderProcfs(telling.table));
        await kernel.read();
        assert.equal(telling.asked, table.length);
        const glances = glancesOf(withoutCounts(renderProcfs(table)));
        const tunnels = table.filter((one) => hasTunnels(glances.get(glanceKey(serviceEntry(one))) ?? ""));
        await kernel.read();
        assert.equal(telling.asked, table.length + tunnels.length);
        for (const service of table) {
          const isTunnelled = service.destinations.some(({ method }) => method === "tun");
          assert.ok(!isTunnelled || tunnels.includes(service));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is read whole where there is no procfs", async () => {
    const [table = []] = fc.sample(anyTable, { seed: 3, numRuns: 1 });
    const telling = new Telling(table);
    const kernel = new NetlinkKernel(telling.open, () => undefined);
    const text = await kernel.read();
    const lines = table.flatMap((one) => savedLines(serviceEntry(one), []));
    assert.ok(table.length > 0 && lines.every((line) => text.lines.includes(line)));
    assert.equal(await kernel.read(), text);
    assert.equal(telling.asked, 2 * table.length);
    assert.deepEqual(readTableText(text.lines).lines, text.lines);
  });
});
