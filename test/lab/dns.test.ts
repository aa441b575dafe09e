import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { handlerFor } from "../../provider";
import type { Properties } from "../../provider/handler";
import { QUICK, Site } from "./site";

/** Answers every question over UDP with a code and, in an A record, with its own address. */
const SERVE = `
const [address, code] = process.argv.slice(1);
const socket = require("node:dgram").createSocket("udp4");
socket.on("message", (question, { port, address: to }) => {
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x8400 | Number(code), 2);
  head.writeUInt16BE(1, 6);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]);
  socket.send(Buffer.concat([head, question.subarray(12), record]), port, to);
});
socket.bind(53, address);
`;

/** Asks from each of 16 ports, which are new flows to all directors, and prints who answered. */
const ASK = `
const dgram = require("node:dgram");
const [address, first] = process.argv.slice(1);
const ask = (from) => new Promise((resolve) => {
  const socket = dgram.createSocket("udp4");
  const end = (text) => { clearTimeout(timer); socket.close(); resolve(text); };
  const timer = setTimeout(() => end("no answer"), 5000);
  socket.on("message", (answer) => end([...answer.subarray(-4)].join(".")));
  socket.on("error", (error) => end(error.code));
  const name = [3, ...Buffer.from("www"), 7, ...Buffer.from("example"), 0];
  socket.bind(from);
  socket.connect(53, address, () => socket.send(Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1])));
});
(async () => { for (let i = 0; i < 16; i++) console.log(await ask(Number(first) + i)); })();
`;

const START = `setsid "$@" </dev/null >/dev/null 2>&1 & echo $!
  until grep -q ':0035 ' /proc/net/udp; do sleep 0.1; done`;
/** Until the port is free: nobody may be there who buries the dead. */
const STOP = "kill -9 $1; while grep -q ':0035 ' /proc/net/udp; do sleep 0.1; done";

const VIP = "192.0.2.10";

describe("DNS servers behind directors whose agents ask over UDP", () => {
  let site: Site;
  let cluster: object;

  before(async () => {
    site = await Site.up({ directors: 2, servers: 2, database: false });
    const clusters = handlerFor("Cluster", site.fleet);
    const { inputs, problems } = clusters.check({
      ...{ name: "test", label: "tests Cluster test", directors: [...site.cluster.directors] },
      ...{ mode: "agent", settings: { ipForward: true, conntrack: true } },
    });
    assert.deepEqual(problems, []);
    const { id } = await clusters.create(inputs);
    cluster = { ...site.cluster, id, mode: "agent" };
  });
  after(() => site?.down());

  /** Starts the server of a node, and gives its end. */
  const serve = async (name: string, code = 0) => {
    const argv = [process.execPath, "-e", SERVE, site.address(name), String(code)];
    const pid = (await site.on(name, "sh", "-c", START, "sh", ...argv)).trim();
    return () => site.on(name, "sh", "-c", STOP, "sh", pid);
  };
  const asked = async (from: number): Promise<string[]> => {
    const argv = [process.execPath, "-e", ASK, VIP, String(from)];
    const { code, stdout, stderr } = await site.lab.exec("client", argv);
    assert.equal(code, 0, stderr);
    return [...new Set(stdout.trim().split("\n"))].sort();
  };
  /** Waits until the kernel of each director has as many servers. */
  const servers = async (count: number) => {
    const has = (table: string) =>
      table.split("\n").filter((line) => line.startsWith("-a ")).length === count;
    const deadline = Date.now() + 60_000;
    while (!(await site.tables()).every(has)) {
      assert.ok(Date.now() < deadline, (await site.tables()).join("\n"));
      await delay(200);
    }
  };

  it("are let in when they answer, leave when they do not, and come back", async () => {
    const [first, second] = [site.address("rs1"), site.address("rs2")];
    await serve("rs1");
    const endRefusing = await serve("rs2", 5);
    const declared = (deadlineMs: number) => ({
      ...{ name: "dns", cluster, address: VIP, port: 53, protocol: "udp", scheduler: "rr" },
      healthCheck: { type: "dns", name: "www.example", recordType: "A", ...QUICK, deadlineMs },
      realServers: [first, second].map((address) => ({ address, port: 53, drainMs: 0 })),
    });
    const create = (properties: Properties) =>
      handlerFor("VirtualServer", site.fleet).create(site.inputs("VirtualServer", properties));
    await assert.rejects(
      create(declared(15_000)),
      /10\.\S+:53 from director d1: dns on \S+: DNS REFUSED \(\d+ checks?\)/,
    );

    await endRefusing();
    const end = await serve("rs2");
    await create(declared(60_000));
    assert.deepEqual(await asked(30_000), [first, second].sort());

    await end();
    await servers(1);
    assert.deepEqual(await asked(30_100), [first]);

    await serve("rs2");
    await servers(2);
    assert.deepEqual(await asked(30_200), [first, second].sort());
  });
});
