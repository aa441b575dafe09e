import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { type Edit, parseTable, renderEdit, type Service } from "../../ipvs";
import { SCHEDULERS as ALL } from "../../spec";
import { RECORDING } from "../unit/netlink-recording";
import { anyTable, saved } from "../unit/tables";
import type { KernelAnswers, KernelOrder } from "./kernel-peer";
import { Site } from "./site";

const PEER = join(__dirname, "kernel-peer.js");
const SEED = 20261126;
/** The lab's kernel is built without one. */
const SCHEDULERS = ALL.filter((name) => name !== "twos");

describe("the kernel's table over netlink", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 1, servers: 2, database: false });
  });
  after(() => site?.down());
  afterEach(() => site.wipe());

  const ask = async (...orders: readonly KernelOrder[]): Promise<KernelAnswers> => {
    const stdin = JSON.stringify(orders);
    const argv = [process.execPath, PEER];
    const { code, stdout, stderr } = await site.lab.exec("d1", argv, { stdin, timeoutMs: 120_000 });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as KernelAnswers;
  };
  /** Both ways read the same, to the letter. */
  const expectSame = ({ answers }: KernelAnswers) => {
    for (const { netlink, ipvsadm } of answers) assert.deepEqual(netlink, ipvsadm);
  };
  const flagged = SCHEDULERS.flatMap((scheduler) =>
    [
      ...["", "flag-1", "flag-2", "flag-3", "flag-1,flag-2,flag-3"],
      ...(scheduler === "sh" || scheduler === "mh" ? [`${scheduler}-fallback,${scheduler}-port`] : []),
    ].map(
      (flags, index): Service => ({
        ...{ protocol: "tcp", address: "192.0.2.20", scheduler, destinations: [] },
        ...{ port: 1_000 + SCHEDULERS.indexOf(scheduler) * 10 + index, extra: flags && `-b ${flags}` },
      }),
    ),
  );

  it("is told as ipvsadm tells it, of every scheduler and flag", async () => {
    const answers = await ask({ by: "netlink", table: flagged });
    expectSame(answers);
    assert.equal(answers.answers[0]?.complaint, "");
    assert.equal(answers.answers[0]?.netlink.table.length, flagged.length);
  });

  it("is told as ipvsadm tells it, whatever is in it and whoever wrote it", async () => {
    const known = anyTable.map((table) => table.filter(({ scheduler }) => scheduler !== "twos"));
    const tables = fc.sample(known, { seed: SEED, numRuns: 60 });
    const orders = tables.map(
      (table, index): KernelOrder => ({ by: index % 3 === 2 ? "ipvsadm" : "netlink", table }),
    );
    const told = await ask(...orders, { by: "netlink", table: [] });
    expectSame(told);
    for (const [index, { complaint, netlink }] of told.answers.entries()) {
      if (orders[index]?.by === "ipvsadm") continue;
      assert.equal(complaint, "");
      assert.deepEqual(sorted(saved(netlink.table)), sorted(saved(orders[index]?.table ?? [])));
    }
  });

  it("is told as ipvsadm tells it, with addresses of every form", async () => {
    const addresses = [
      "2001:db8::1",
      "2001:0:0:1::1",
      "::1.2.3.4",
      "1::",
      "2001:db8::1:0:0:1",
      "fd00::ffff:0:1",
    ];
    const table = parseTable(
      addresses.map((one) => `-A -t [${one}]:80 -s rr\n-a -t [${one}]:80 -r [${one}]:80 -m -w 1\n`).join(""),
    );
    const told = await ask({ by: "ipvsadm", table });
    expectSame(told);
    assert.equal(told.answers[0]?.netlink.table.length, addresses.length);
  });

  it("takes what it can of a batch, and says which edits it did not take and why", async () => {
    const [service] = parseTable("-A -t 192.0.2.20:80 -s rr\n-a -t 192.0.2.20:80 -r 10.0.0.1:80 -m -w 1\n");
    const [other] = parseTable("-A -t 192.0.2.21:80 -s rr\n-a -t 192.0.2.21:80 -r 10.0.0.1:80 -m -w 1\n");
    assert.ok(service && other);
    const destination = service.destinations[0];
    assert.ok(destination);
    const edits: Edit[] = [
      { kind: "edit-service", service },
      { kind: "add-service", service },
      { kind: "add-service", service },
      { kind: "add-destination", service: other, destination },
      { kind: "edit-destination", service, destination },
      { kind: "add-destination", service, destination },
      { kind: "add-destination", service, destination },
      { kind: "edit-service", service: { ...service, scheduler: "none-such" } },
      { kind: "edit-service", service: { ...service, extra: "--none-such" } },
      { kind: "delete-destination", service, destination: { ...destination, address: "10.0.0.9" } },
      { kind: "delete-service", service: other },
      { kind: "edit-destination", service, destination: { ...destination, weight: 7 } },
    ];
    const told = await ask({ by: "netlink", edits });
    expectSame(told);
    const why = [
      [8, 'unknown option "--none-such"'],
      [0, "No such service"],
      [2, "Service already exists"],
      [3, "No such service"],
      [4, "No such destination"],
      [6, "Destination already exists"],
      [7, "Scheduler or persistence engine not found"],
      [9, "No such destination"],
      [10, "No such service"],
    ] as const;
    const expected = why.map(([index, words]) => `${renderEdit(edits[index] as Edit)}: ${words}`);
    assert.deepEqual(told.answers[0]?.complaint.split("\n"), expected);
    assert.deepEqual(told.answers[0]?.netlink.lines, [
      "-A -t 192.0.2.20:80 -s rr",
      "-a -t 192.0.2.20:80 -r 10.0.0.1:80 -m -w 7",
    ]);
  });

  it("takes thousands of edits, more than fit into one datagram, failures among them", async () => {
    const service = (port: number): Service => ({
      ...{ protocol: "tcp", address: "192.0.2.20", port, scheduler: "wrr", extra: "" },
      destinations: Array.from({ length: 10 }, (_, index) => ({
        ...{ address: `10.0.0.${index + 1}`, port: 80, method: "nat" as const, weight: 1, extra: "" },
      })),
    });
    const table = Array.from({ length: 200 }, (_, index) => service(1_000 + index));
    const twice = table.map((one): Edit => ({ kind: "add-service", service: one }));
    const told = await ask({ by: "netlink", table }, { by: "netlink", edits: [...twice, ...twice] });
    expectSame(told);
    assert.equal(told.answers[0]?.netlink.lines.length, 200 * 11);
    assert.match(told.answers[1]?.complaint ?? "", /^(-A .*: Service already exists\n){20}and 380 more$/);
  });

  it("says what it said when it was recorded for the unit tests", async () => {
    const { recording } = await ask();
    // HEYE_RECORD=FILE: for when the conversation is to be another one.
    if (process.env.HEYE_RECORD)
      writeFileSync(process.env.HEYE_RECORD, `${JSON.stringify(recording, null, 1)}\n`);
    assert.deepEqual(recording?.told, RECORDING.told);
  });

  it("counts what went through it", async () => {
    const server = site.address("rs1");
    const [service] = parseTable(
      `-A -t 192.0.2.10:80 -s rr -p 60\n-a -t 192.0.2.10:80 -r ${server}:80 -m -w 1\n`,
    );
    assert.ok(service);
    await site.on("d1", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.vs.conntrack=1");
    await ask({ by: "netlink", table: [service] });
    assert.equal((await site.requests("http://192.0.2.10/", 5)).get("rs1"), 5);
    for (let tries = 0; ; tries++) {
      const told = await ask({ by: "netlink", edits: [] });
      const [one] = told.answers[0]?.netlink.traffic ?? [];
      if (one?.connections !== 5 && tries < 20) continue;
      assert.equal(one?.connections, 5);
      assert.ok(one.bytesIn > 100 && one.packetsOut > 5, JSON.stringify(one));
      const [destination] = one.destinations;
      assert.equal(destination?.destination, `${server}:80`);
      assert.deepEqual([destination.connections, destination.persistent], [5, 1]);
      assert.equal(destination.active + destination.inactive, 5);
      // Between both readings a connection may close, and nothing else happens.
      const still = told.answers[0]?.ipvsadm.traffic[0];
      assert.deepEqual({ ...still, destinations: [] }, { ...one, destinations: [] });
      break;
    }
  });
});

function sorted(table: readonly Service[]): string[] {
  return table
    .flatMap((one) => [
      `${JSON.stringify({ ...one, destinations: [] })}`,
      ...one.destinations.map((destination) =>
        JSON.stringify([one.address, one.port, one.protocol, destination]),
      ),
    ])
    .sort();
}
