import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Inventory } from "../../lab";
import { labPaths } from "../../lab/paths";

const NAME = "test-command";
const PROGRAM = join(__dirname, "..", "..", "cli", "index.js");

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `heye lab ...` as a user would. */
async function heye(...argv: string[]): Promise<Result> {
  const child = spawn(process.execPath, [PROGRAM, "lab", ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
    });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...text };
}

/** Runs a command that has to succeed, and returns its output. */
async function fine(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await heye(...argv);
  assert.equal(code, 0, stderr);
  return stdout;
}

describe("lab: the command", () => {
  before(async () => {
    const shape = ["--directors", "2", "--servers", "1", "--no-database"];
    const inventory = JSON.parse(await fine("up", NAME, ...shape, "--json")) as Inventory;
    assert.equal(inventory.directors.length, 2);
  });
  after(async () => {
    await fine("down", NAME);
    rmSync(labPaths(NAME).dir, { recursive: true });
  });

  it("leaves a lab running, shows it, and does not start it twice", async () => {
    assert.match(await fine("status", NAME), /d2 +ssh port \d+/);
    assert.match(await fine("up", NAME, "--directors", "2"), /lab test-command/);
    const other = await heye("up", NAME, "--directors", "3");
    assert.equal(other.code, 1);
    assert.match(other.stderr, /is up with 2 directors, 3 were asked for/);
  });

  it("runs programs on nodes and passes their exit code on", async () => {
    assert.equal(await fine("exec", "--lab", NAME, "d1", "hostname"), "d1\n");
    assert.equal((await heye("exec", "--lab", NAME, "rs1", "sh", "-c", "exit 9")).code, 9);
  });

  it("logs in with this machine's ssh client", async () => {
    assert.equal(await fine("ssh", "--lab", NAME, "d2", "hostname"), "d2\n");
  });

  it("breaks and mends, and makes requests", async () => {
    const service = ["-A", "-t", "192.0.2.9:80", "-s", "rr"];
    const member = ["-a", "-t", "192.0.2.9:80", "-r", "10.20.1.2:80", "-m"];
    for (const director of ["d1", "d2"])
      for (const rule of [service, member]) await fine("exec", "--lab", NAME, director, "ipvsadm", ...rule);
    const traffic = ["traffic", "--lab", NAME, "--requests", "5", "http://192.0.2.9/"];
    assert.match(await fine(...traffic), /5 requests .* 0 failed/);
    await fine("fault", "--lab", NAME, "stop-service", "rs1", "http");
    const broken = await heye(...traffic);
    assert.equal(broken.code, 1);
    assert.match(broken.stdout, /failed: ECONNREFUSED +5/);
    await fine("fault", "--lab", NAME, "start-service", "rs1", "http");
    await fine("fault", "--lab", NAME, "kill-director", "d2");
    assert.match(await fine("status", NAME), /d2 .*withdrawn/);
    await fine("fault", "--lab", NAME, "restore-director", "d2");
    assert.match(await fine(...traffic), /5 requests .* 0 failed/);
  });

  it("shows the faults that are on, each with what ends it, and ends them all", async () => {
    const inject = (...argv: string[]): Promise<string> => fine("fault", "--lab", NAME, ...argv);
    await inject("reboot-director", "d1", "--no-announce");
    await inject("impair-network", "d2", "management", "--delay", "1.5", "--loss", "0.1");
    await inject("hang-ssh", "d2");
    const shown = await fine("status", NAME);
    assert.match(shown, /d1 .*withdrawn/);
    for (const line of [
      "  reboot-director d1 --no-announce   (ends with: restore-director d1)",
      "  impair-network d2 management --delay 1.5 --jitter 0 --loss 0.1   (ends with: restore-network d2 management)",
      "  hang-ssh d2 banner   (ends with: restore-ssh d2)",
    ])
      assert.ok(shown.split("\n").includes(line), shown);
    await inject("restore-ssh", "d2");
    await inject("restore-network", "d2");
    await inject("mend-all");
    assert.doesNotMatch(await fine("status", NAME), /faults|withdrawn/);
  });

  it("says what was wrong, and what there is", async () => {
    for (const [argv, words] of [
      [["status", "test-nowhere"], /no running lab of the name test-nowhere/],
      [["exec", "--lab", NAME, "d9", "true"], /expected one of d1, d2, rs1/],
      [["exec", "--lab", NAME], /Expected a node and a program/],
      [["ssh", "--lab", NAME, "rs1"], /Expected a director \(d1, d2\), found rs1/],
      [["fault", "--lab", NAME, "explode", "d1"], /kill-director, restore-director/],
      [
        ["fault", "--lab", NAME, "impair-network", "d1", "--delay", "5"],
        /network: expected one of management/,
      ],
      [
        ["fault", "--lab", NAME, "impair-network", "d1", "back", "--delay", "x"],
        /--delay: expected a number/,
      ],
      [["fault", "--lab", NAME, "hang-ssh", "d1", "later"], /stage: expected one of banner, command/],
      [["up", "--directors", "many"], /--directors: expected a whole number/],
      [["up", "--nonsense"], /--nonsense/],
    ] as const) {
      const { code, stderr } = await heye(...argv);
      assert.equal(code, 1, argv.join(" "));
      assert.match(stderr, words);
    }
    assert.equal((await heye("explode")).code, 2);
  });

  it("explains every command", async () => {
    const overview = await fine("--help");
    for (const name of ["up", "down", "status", "exec", "ssh", "fault", "traffic"]) {
      assert.match(overview, new RegExp(`^  ${name} `, "m"));
      assert.match(await fine(name, "--help"), new RegExp(`^usage: heye lab ${name}`));
    }
  });
});
