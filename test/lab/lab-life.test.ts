import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { type Inventory, Lab, LabBusyError, LabInputError, NoLabError } from "../../lab";
import { availableIn, layerEnvironment } from "../../lab/layer";
import { labPaths } from "../../lab/paths";
import { gone, isAlive, type ProcessRecord } from "../../lab/processes";
import { labLayer } from "../../setup";
import { login, output, remote } from "./lab-tools";

const SMALL = { directors: 1, servers: 1, database: false } as const;
const execFileAsync = promisify(execFile);

/** Everything of a running lab that could stay behind. */
interface Traces {
  readonly dir: string;
  readonly records: readonly ProcessRecord[];
  readonly networks: readonly string[];
  readonly ports: readonly number[];
}

function tracesOf(inventory: Inventory): Traces {
  const paths = labPaths(inventory.name);
  const records = JSON.parse(readFileSync(paths.processes, "utf8")) as ProcessRecord[];
  assert.ok(records.length >= 2);
  const networks = [...new Set(records.map(({ pid }) => readlinkSync(`/proc/${pid}/ns/net`)))];
  return { dir: paths.dir, records, networks, ports: inventory.directors.map((director) => director.port) };
}

/** The keeper first: it ends the rest. */
async function untilGone(traces: Traces): Promise<void> {
  for (const record of traces.records) assert.ok(await gone(record, 20_000), `${record.what} is still there`);
}

/** Fails when anything of the lab is left on the machine, apart from files. */
async function assertNothingLeft({ dir, records, networks, ports }: Traces): Promise<void> {
  assert.deepEqual(records.filter(isAlive), []);
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    assert.ok(!networks.includes(linkOf(pid)), `process ${pid} is in the lab's network`);
    assert.ok(!commandOf(pid).includes(dir), `process ${pid} is the lab's: ${commandOf(pid)}`);
  }
  assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(dir));
  assert.ok(!readFileSync("/proc/net/unix", "utf8").includes(dir));
  for (const port of ports) assert.equal(await dial(port), "ECONNREFUSED");
}

function linkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return "";
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

function dial(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve("connected");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** Names of the network interfaces and named namespaces of this machine. */
async function interfaces(): Promise<string> {
  const layer = await labLayer();
  const [ip, env] = [availableIn(layer, "usr/bin/ip"), layerEnvironment(layer)];
  const links = await execFileAsync(ip, ["-brief", "link"], { env });
  const named = await execFileAsync(ip, ["netns", "list"], { env });
  return links.stdout + named.stdout;
}

/** A process that owns a lab. */
async function owner(name: string, keep = ""): Promise<{ child: ChildProcess; inventory: Inventory }> {
  const program = join(__dirname, "lab-owner.js");
  const child = spawn(process.execPath, [program, name, keep], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { child, inventory: JSON.parse(line) as Inventory };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

describe("lab: life and death", () => {
  after(() => {
    for (const name of ["test-crash", "test-ports", "test-twice"])
      rmSync(labPaths(name).dir, { recursive: true, force: true });
  });

  it("leaves nothing behind: no process, network, interface, mount, socket, port or file", async () => {
    const before = await interfaces();
    const lab = await Lab.up(SMALL);
    const traces = tracesOf(lab.inventory);
    assert.equal(await interfaces(), before, "a lab shows on the machine while it is up");
    assert.ok(Lab.running().includes(lab.inventory.name));
    await lab.down();
    await assertNothingLeft(traces);
    assert.equal(await interfaces(), before);
    assert.ok(!existsSync(traces.dir));
    await lab.down();
  });

  it("keeps private what is private", async () => {
    const lab = await Lab.up(SMALL);
    const { dir } = tracesOf(lab.inventory);
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    for (const file of ["inventory.json", "id_ed25519", "world.json", "control.sock"])
      assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
    await lab.down();
  });

  it("stands side by side with others, each with a world of its own", async () => {
    const labs = await Promise.all([Lab.up(SMALL), Lab.up(SMALL)]);
    try {
      for (const [i, lab] of labs.entries()) {
        await output(lab, "d1", "ipvsadm", "-A", "-t", `192.0.2.${i}:80`);
        await output(lab, "d1", "sh", "-c", `echo ${i} >/etc/lab-test-file`);
      }
      for (const [i, lab] of labs.entries()) {
        assert.equal(await output(lab, "d1", "ipvsadm", "-Sn"), `-A -t 192.0.2.${i}:80 -s wlc`);
        const client = await login(lab.inventory.directors[0] ?? assert.fail());
        assert.equal(await remote(client, "cat /etc/lab-test-file"), String(i));
        client.end();
      }
    } finally {
      await Promise.all(labs.map((lab) => lab.down()));
    }
  });

  it("ends with its owner, even when that is killed", async () => {
    const { child, inventory } = await owner("");
    const traces = tracesOf(inventory);
    await kill(child);
    await untilGone(traces);
    await assertNothingLeft(traces);
    assert.ok(!existsSync(traces.dir));
  });

  it("ends whole when its keeper is killed, and the next one of that name comes up in the same place", async () => {
    const { child, inventory } = await owner("test-crash", "keep");
    const traces = tracesOf(inventory);
    const keeper = traces.records.find((record) => record.what === "keeper") ?? assert.fail();
    process.kill(keeper.pid, "SIGKILL");
    await untilGone(traces);
    assert.throws(() => Lab.attach("test-crash"), NoLabError);
    await kill(child);
    const lab = await Lab.up({ ...SMALL, name: "test-crash" });
    assert.deepEqual(lab.inventory.directors, inventory.directors);
    (await login(lab.inventory.directors[0] ?? assert.fail())).end();
    await lab.down();
    await assertNothingLeft(traces);
  });

  it("is removed by down after a crash", async () => {
    const { child, inventory } = await owner("test-crash", "keep");
    const traces = tracesOf(inventory);
    await kill(child);
    const keeper = traces.records.find((record) => record.what === "keeper") ?? assert.fail();
    assert.ok(isAlive(keeper), "a kept lab goes on without its owner");
    process.kill(keeper.pid, "SIGKILL");
    assert.equal(await Lab.down("test-crash"), true);
    await assertNothingLeft(traces);
    assert.equal(await Lab.down("test-crash"), false);
  });

  it("moves to another port when somebody has taken the one of last time", async () => {
    const first = await Lab.up({ ...SMALL, name: "test-ports" });
    const port = first.inventory.directors[0]?.port ?? assert.fail();
    await first.down();
    const stranger = createServer().listen(port, "127.0.0.1");
    await once(stranger, "listening");
    const second = await Lab.up({ ...SMALL, name: "test-ports" });
    const director = second.inventory.directors[0] ?? assert.fail();
    assert.notEqual(director.port, port);
    assert.equal(director.hostKey, first.inventory.directors[0]?.hostKey);
    (await login(director)).end();
    await second.down();
    stranger.close();
  });

  it("is not brought up twice under one name", async () => {
    const lab = await Lab.up({ ...SMALL, name: "test-twice" });
    await assert.rejects(Lab.up({ ...SMALL, name: "test-twice" }), LabBusyError);
    assert.equal(await output(Lab.attach("test-twice"), "d1", "hostname"), "d1");
    await lab.down();
    await assert.rejects(lab.exec("d1", ["true"]), NoLabError);
  });

  it("refuses shapes and names that cannot be, before anything is started", async () => {
    await assert.rejects(Lab.up({ name: "../up" }), LabInputError);
    await assert.rejects(Lab.up({ directors: 255 }), LabInputError);
    await assert.rejects(Lab.up({ init: "systemd", mode: "namespaces" }), LabInputError);
  });
});
