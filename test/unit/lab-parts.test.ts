import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { besideKeeper } from "../../lab/beside";
import { splitAtFirstWord } from "../../lab/commands/command";
import { cpusIn, guestsByCpu, idleTicks } from "../../lab/cpu";
import { LabInputError, NoLabError } from "../../lab/errors";
import { isMadeUp, madeUpName, pathsOf } from "../../lab/name";
import { gone, isAlive, recordOf, signal } from "../../lab/processes";
import { planOf } from "../../lab/traffic";
import { shadowOf, withAccounts } from "../../lab/world/skeleton";

describe("lab: processes", () => {
  it("knows a process by its start time, and never touches another one with the same pid", async () => {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    const ended = once(child, "exit");
    const record = recordOf(child.pid ?? assert.fail(), "sleep") ?? assert.fail("no record");
    const stranger = { ...record, start: "1" };
    assert.equal(isAlive(record), true);
    assert.equal(isAlive(stranger), false);
    signal(stranger, "SIGKILL");
    assert.equal(isAlive(record), true);
    assert.equal(await gone(stranger, 0), true);
    assert.equal(await gone(record, 0), false);
    signal(record, "SIGKILL");
    assert.deepEqual(await ended, [null, "SIGKILL"]);
    assert.equal(recordOf(record.pid, "sleep"), undefined);
  });
});

describe("lab: programs beside it", () => {
  it("are refused where no keeper runs", () => {
    assert.throws(() => besideKeeper(pathsOf(madeUpName()), "true", []), NoLabError);
  });
});

describe("lab: names", () => {
  it("tells made-up names from given ones", () => {
    assert.equal(isMadeUp(madeUpName()), true);
    assert.equal(isMadeUp("test"), false);
    assert.ok(pathsOf(madeUpName()).dir.length > 0);
  });

  for (const name of ["", "../x", "a/b", "-x", "a b", "x".repeat(31)])
    it(`refuses ${JSON.stringify(name)}`, () => assert.throws(() => pathsOf(name), LabInputError));
});

describe("lab: traffic", () => {
  it("takes http, tcp and udp targets of both families, with the defaults that are documented", () => {
    const defaults = { concurrency: 4, connectTimeoutMs: 900, answerTimeoutMs: 5000 };
    const http = { protocol: "http", host: "192.0.2.1", port: 80, path: "/a?b", ...defaults };
    assert.deepEqual(planOf({ url: "http://192.0.2.1/a?b" }), http);
    const tcp = { protocol: "tcp", host: "2001:db8:100::1", port: 7000, path: "/", ...defaults, requests: 5 };
    assert.deepEqual(planOf({ url: "tcp://[2001:db8:100::1]:7000", requests: 5 }), tcp);
    assert.equal(planOf({ url: "udp://192.0.2.1:7000" }).protocol, "udp");
    assert.equal(planOf({ url: "udp://192.0.2.1:7000", ratePerS: 20 }).ratePerS, 20);
  });

  for (const url of ["", "192.0.2.1", "https://192.0.2.1/", "tcp://192.0.2.1"])
    it(`refuses ${JSON.stringify(url)}`, () => assert.throws(() => planOf({ url }), LabInputError));
});

describe("lab: accounts of a director", () => {
  it("adds what is missing and leaves what is there", () => {
    const passwd = withAccounts("root:x:0:0::/root:/bin/sh\nsshd:x:7:7::/:/bin/false\n");
    assert.equal(passwd.match(/^sshd:/gm)?.length, 1);
    assert.match(passwd, /^sshd:x:7:/m);
    assert.match(passwd, /^mysql:/m);
    assert.equal(withAccounts(passwd), passwd);
  });

  it("gives no account a password, and locks none: sshd lets no key into a locked one", () => {
    assert.equal(shadowOf("root:x:0\nsshd:x:7\n"), "root:*:20000:0:99999:7:::\nsshd:*:20000:0:99999:7:::\n");
  });
});

describe("lab: CPUs", () => {
  it("reads lists and ranges", () => assert.deepEqual(cpusIn("0-2,8"), [0, 1, 2, 8]));

  it("reads idle ticks per CPU and leaves the sum out", () => {
    const stat = "cpu  9 9 9 99 0\ncpu0 1 2 3 40 5 6\ncpu1 1 2 3 50 5 6\nintr 1\n";
    assert.deepEqual(
      [...idleTicks(stat)],
      [
        [0, 40],
        [1, 50],
      ],
    );
  });
});

describe("lab: guests of others", () => {
  it("are counted by the CPU they are bound to, each once, whatever runs in it", () => {
    const process = (name: string, pid: number, parent: number, cpus: string) =>
      `Name:\t${name}\nPid:\t${pid}\nPPid:\t${parent}\nCpus_allowed_list:\t${cpus}\n`;
    const statuses = [
      process("linux.uml", 10, 1, "1"),
      process("linux.uml", 11, 10, "1"),
      process("linux.uml", 20, 1, "1"),
      process("linux.uml", 30, 1, "0-1"),
      process("node", 40, 1, "0"),
    ];
    assert.deepEqual([...guestsByCpu(statuses)], [[1, 2]]);
  });
});

describe("lab: command line", () => {
  it("leaves the options of the program that is run to that program", () => {
    const argv = ["--lab", "x", "d1", "ls", "--lab", "y"];
    assert.deepEqual(splitAtFirstWord(argv, ["--lab"]), [
      ["--lab", "x"],
      ["d1", "ls", "--lab", "y"],
    ]);
    assert.deepEqual(splitAtFirstWord(["--lab=x", "--", "d1"], ["--lab"]), [["--lab=x"], ["d1"]]);
  });
});
