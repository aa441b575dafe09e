import assert from "node:assert/strict";
import { NetlinkKernel } from "../../agent/netlink/kernel";
import { loadLibc } from "../../agent/netlink/libc";
import { type Channel, NetlinkSocket } from "../../agent/netlink/socket";
import { SystemError } from "../../agent/netlink/system-error";
import { readAtLast } from "../../agent/open-kernel";
import { statusText } from "../../agent/text";
import { readTableText } from "../../director/table-text";
import { parseTable } from "../../ipvs";
import { ERRNO, encodeRequest, familyRequest, readAnswers, readFamily } from "../../ipvs/netlink";
import { converse, RECORDING } from "./netlink-recording";

const FAMILY = 0x1b;

/** The kernel, as it was recorded: what it is sent has to be the same. */
class Replay {
  #at = 0;

  readonly open = (): Channel => ({
    send: (bytes) => assert.equal(`>${bytes.toString("hex")}`, this.#next()),
    receive: () => {
      if (!RECORDING.datagrams[this.#at]?.startsWith("<")) return undefined;
      return Buffer.from(this.#next().slice(1), "hex");
    },
    close: () => undefined,
  });

  get isOver(): boolean {
    return this.#at === RECORDING.datagrams.length;
  }

  #next(): string {
    return RECORDING.datagrams[this.#at++] ?? "nothing more";
  }
}

type Said = Buffer | SystemError;

/** A kernel that says these things, each list after one request; the first request, for the family, it answers itself. */
class Scripted implements Channel {
  readonly sent: Buffer[] = [];
  isClosed = false;
  #saying: Said[] = [];

  constructor(private readonly script: ((request: Buffer) => readonly Said[])[]) {}

  send(bytes: Buffer): void {
    this.sent.push(bytes);
    if (this.sent.length === 1) this.#saying = [family(bytes), end(sequenceOf(bytes), 0)];
    else this.#saying = [...(this.script.shift()?.(bytes) ?? [])];
  }

  receive(): Buffer | undefined {
    const said = this.#saying.shift();
    if (said instanceof SystemError) throw said;
    return said;
  }

  close(): void {
    this.isClosed = true;
  }
}

function message(type: number, sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + payload.length, 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt32LE(sequence, 8);
  return Buffer.concat([head, payload]);
}

function end(sequence: number, errno: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeInt32LE(-errno);
  return message(2, sequence, payload);
}

function family(request: Buffer): Buffer {
  return message(0x10, sequenceOf(request), Buffer.from("01020000060001001b000000", "hex"));
}

const sequenceOf = (bytes: Buffer) => bytes.readUInt32LE(8);
const lost = new SystemError("recv", ERRNO.ENOBUFS);

const [SERVICE] = parseTable("-A -t 192.0.2.1:80 -s rr\n");
assert.ok(SERVICE);
const service = SERVICE;
const three = [80, 81, 82].map((port) => ({
  kind: "add-service" as const,
  service: { ...service, port },
}));

describe("the kernel over netlink", () => {
  it("is spoken to as it was when it was recorded, and read the same", async () => {
    const replay = new Replay();
    assert.deepEqual(await converse(new NetlinkKernel(replay.open, () => undefined)), RECORDING.told);
    assert.ok(replay.isOver);
  });

  it("gives the same text again while nothing changes: whoever compares has nothing to do", async () => {
    const scripted = () => new Scripted([(request) => [end(sequenceOf(request), 0)]]);
    const empty = new NetlinkKernel(scripted, () => undefined);
    assert.equal(await empty.read(), await empty.read());
  });

  it("is asked anew where an edit fails and the rest is made", async () => {
    const channel = new Scripted([
      (request) => {
        const first = sequenceOf(request);
        return [end(first + 1, ERRNO.EEXIST), end(first + 2, 0)];
      },
    ]);
    const complaint = await new NetlinkKernel(
      () => channel,
      () => undefined,
    ).write(three);
    assert.equal(complaint, "-A -t 192.0.2.1:81 -s rr: Service already exists");
    assert.ok(channel.isClosed);
  });

  it("may lose answers: it is said that not all is known, and the loss ends nothing", async () => {
    const some = (request: Buffer) => [
      end(sequenceOf(request), ERRNO.ENOMEM),
      lost,
      end(sequenceOf(request) + 2, 0),
    ];
    const none = () => [];
    for (const [script, expected] of [
      [
        some,
        /^-A -t 192\.0\.2\.1:80 -s rr: Memory allocation problem \(ENOMEM\)\nthe kernel's answers to some of 3/,
      ],
      [none, /^the kernel's answers to some of 3 edits were lost$/],
    ] as const) {
      const channel = new Scripted([script]);
      assert.match(
        await new NetlinkKernel(
          () => channel,
          () => undefined,
        ).write(three),
        expected,
      );
      assert.ok(channel.isClosed);
    }
  });

  it("may fail in the middle of a table, and is not believed then", async () => {
    const scripts: [(request: Buffer) => readonly Said[], RegExp][] = [
      [() => [], /the end of an answer/],
      [() => [lost], /ENOBUFS/],
      [(request) => [end(sequenceOf(request), ERRNO.EPERM)], /CAP_NET_ADMIN/],
      [(request) => [end(sequenceOf(request) + 7, 0)], /the end of an answer/],
      [(request) => [message(FAMILY, sequenceOf(request), Buffer.from("04010000", "hex"))], /a service/],
      [() => [Buffer.from("ff")], /a message of 16/],
    ];
    for (const [script, expected] of scripts) {
      const channel = new Scripted([script]);
      await assert.rejects(
        new NetlinkKernel(
          () => channel,
          () => undefined,
        ).read(),
        expected,
      );
      assert.ok(channel.isClosed);
    }
  });

  it("may be without IPVS, which is a complaint and no crash", async () => {
    const closed: boolean[] = [];
    const open = (): Channel => {
      let asked: Buffer | undefined;
      return {
        send: (bytes) => {
          asked = bytes;
        },
        receive: () => {
          const request = asked;
          asked = undefined;
          return request && end(sequenceOf(request), ERRNO.ENOENT);
        },
        close: () => closed.push(true),
      };
    };
    const kernel = new NetlinkKernel(open, () => undefined);
    await assert.rejects(kernel.read(), /is ipvsadm installed, and ip_vs loaded/);
    assert.match(await kernel.write(three), /ENOENT/);
    assert.equal(closed.length, 2);
  });
});

describe("a socket of netlink", () => {
  it("reaches this machine's own kernel", async () => {
    const socket = new NetlinkSocket(await loadLibc(""));
    try {
      assert.equal(socket.receive(), undefined);
      socket.send(encodeRequest(familyRequest("nlctrl", 7)));
      const answers = readAnswers(socket.receive() ?? Buffer.alloc(0));
      const [first] = answers;
      assert.ok(first?.kind === "data" && first.sequence === 7);
      assert.equal(readFamily(first.attributes), 0x10);
      socket.send(encodeRequest(familyRequest("no-such", 8)));
      const said = readAnswers(socket.receive() ?? Buffer.alloc(0)).concat(
        readAnswers(socket.receive() ?? Buffer.alloc(0)),
      );
      assert.ok(said.some((one) => one.kind === "end" && one.sequence === 8 && one.errno === ERRNO.ENOENT));
    } finally {
      socket.close();
    }
    assert.throws(() => socket.send(Buffer.alloc(16)), SystemError);
  });
});

describe("an agent that cannot speak netlink", () => {
  it("finds that out by reading more than once: which way is gone is decided for good", async () => {
    let [reads, loads] = [0, 0];
    const kernel = (good: number) => ({
      read: async () => {
        if (++reads < good) throw new Error(`read ${reads}`);
        return readTableText([]);
      },
    });
    const load = async () => {
      loads++;
      throw new Error("no modprobe");
    };
    await readAtLast(kernel(3), load);
    assert.deepEqual([reads, loads], [3, 1]);
    reads = 0;
    await assert.rejects(readAtLast(kernel(9), load), /^Error: read 3$/);
  });

  it("says so where people look", () => {
    const status = {
      ...{
        director: "d1",
        version: "x",
        startedAt: 0,
        reconciledAt: 0,
        repairs: 0,
        drains: [],
        services: [],
      },
      checks: { checks: 0, late: 0, inconclusive: 0, stalls: 0 },
      way: { by: "ipvsadm", because: "there is no koffi for linux-riscv64 in this program" },
    } as unknown as Parameters<typeof statusText>[0];
    assert.match(statusText(status, 0), /IPVS by way of ipvsadm: there is no koffi for linux-riscv64/);
  });
});
