import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupText } from "../../agent/plane/backup-text";
import { agentConfigText, configDigest } from "../../director";
import { PROJECT_ROOT } from "../../setup/project";
import { eventually } from "./directors";
import { EtcdCluster } from "./etcd-cluster";

const PROGRAM = join(PROJECT_ROOT, "dist", "agent", "heye-agent.js");

/** An ipvsadm whose table is always empty, in the one place that the agent looks at first, seen by it alone. */
const ROOM = `
mount -t tmpfs none /usr/local/sbin
printf '#!/bin/sh\\ncase "$1" in --version) echo "ipvsadm v1.31" ;; esac\\n' >/usr/local/sbin/ipvsadm
chmod 755 /usr/local/sbin/ipvsadm
exec "$@"
`;

describe("the agent as one file", () => {
  let etcd: EtcdCluster;
  let folder = "";
  const socket = () => join(folder, "agent.sock");

  before(async function () {
    this.timeout(300_000);
    etcd = await EtcdCluster.up(1);
    folder = mkdtempSync(join(tmpdir(), "heye-bundle-"));
  });
  after(async () => {
    await etcd?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (...words: string[]) => {
    const argv = [PROGRAM, ...words, "--socket", socket()];
    const { stdout, stderr, status } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    return { said: `${stdout}${stderr}`, status };
  };

  it("speaks with etcd as its sources do, and does with it what an operator says", async () => {
    const config = agentConfigText({
      director: "d1",
      etcd: { endpoints: etcd.endpoints, prefix: "/heye/bundle" },
    });
    mkdirSync(join(folder, "agent"), { mode: 0o700 });
    writeFileSync(join(folder, "agent", "agent.json"), config, { mode: 0o600 });
    const unshare = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])];
    const run = [process.execPath, PROGRAM, "run", "--state", folder, "--socket", socket()];
    const agent = spawn("unshare", [...unshare, "sh", "-c", ROOM, "sh", ...run], { stdio: "ignore" });
    try {
      const ready = () => {
        try {
          return readFileSync(join(folder, "agent.ready"), "utf8");
        } catch {
          return "";
        }
      };
      await eventually(
        () => ready() !== "",
        () => "it is ready",
      );
      assert.equal(ready().trim().split(" ")[2], configDigest(config));
      await eventually(
        () => ask("status").said.includes("1 directors alive"),
        () => ask("status").said,
      );
      assert.match(ask("store", "check").said, /nothing is held/);
      const [file, backup] = [join(folder, "given"), join(folder, "backup")];
      // With nothing in it: where this machine has IPVS, the agent keeps this machine's table.
      writeFileSync(file, "");
      assert.match(ask("store", "restore", file).said, /expected virtual servers, found none/);
      writeFileSync(file, backupText(""));
      assert.match(ask("store", "restore", file).said, /is revision 1: every director follows it/);
      const check = ask("store", "check");
      assert.match(check.said, /^revision 1, \d+ bytes.*following, revision 1.*it agrees with itself/s);
      assert.equal(check.status, 0);
      assert.match(ask("store", "backup", backup).said, /^revision 1 is in/);
      assert.equal(readFileSync(backup, "utf8"), backupText(""));
      assert.equal(statSync(backup).mode & 0o777, 0o600);
      writeFileSync(file, "nonsense\n");
      assert.match(
        ask("store", "restore", file).said,
        /expected a backup, or a director's registry .*nothing was changed/,
      );
      await etcd.wipe();
      await eventually(
        () => ask("status").said.includes("ALARM: etcd alarm"),
        () => ask("status").said,
      );
      const accepted = ask("store", "accept");
      assert.equal(accepted.status, 1);
      assert.match(accepted.said, /it holds nothing that could be accepted/);
      assert.equal(ask("store", "check").status, 1);
    } finally {
      agent.kill();
    }
  });
});
