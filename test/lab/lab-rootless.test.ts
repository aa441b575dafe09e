import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../../lab/paths";
import { isRoot, labLayer } from "../../setup";
import type { UserFindings } from "./lab-user";

const execFileAsync = promisify(execFile);
const PROGRAM = join("dist", "test", "lab", "lab-user.js");

/** Processes of a user. */
function processesOf(uid: number): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/status`, "utf8").includes(`\nUid:\t${uid}\t`);
    } catch {
      return false;
    }
  });
}

/** What a lab of a user finds, who has these rights; see lab-user.sh. */
async function asUser(uid: number, rights: "tap" | "packets" | "none"): Promise<UserFindings> {
  const scratch = mkdtempSync(join(tmpdir(), "heye-user-"));
  chmodSync(scratch, 0o755);
  const packages = join(await labLayer(), "..");
  const script = join(PACKAGE_ROOT, "test", "lab", "lab-user.sh");
  const user = [String(uid), rights, scratch, PACKAGE_ROOT, packages, process.execPath, PROGRAM];
  try {
    const { stdout } = await execFileAsync("unshare", ["--mount", "--", "sh", script, ...user]);
    return JSON.parse(stdout) as UserFindings;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function expected(uid: number, cable: string): UserFindings {
  const all = { servers: ["rs1", "rs2"], errors: {} };
  return {
    uid,
    mode: "guest",
    cable,
    hostNames: ["d1", "d2"],
    traffic: { nat: all, dr: all, tun: all },
    database: "ready",
    bytes: 3_000_000,
    rebooted: "lab-test-file\nd1",
  };
}

describe("lab: without root", () => {
  // Whoever runs the tests without root has just this, in all of them.
  if (!isRoot()) return;
  const uid = randomInt(60_000, 64_000);

  for (const cable of ["packets", "tap"] as const)
    it(`is a whole world for a user, over ${cable}, and leaves no process`, async () => {
      assert.deepEqual(await asUser(uid, cable), expected(uid, cable));
      assert.deepEqual(processesOf(uid), []);
    });

  it("says which sysctl forbids it", async () => {
    const { refused = "" } = await asUser(uid, "none");
    assert.match(refused, /^NotRootError: expected root, or a system where users may make user namespaces/);
    assert.match(refused, new RegExp(`user ${uid}, and user\\.max_user_namespaces = 0 forbids it`));
    assert.match(
      refused,
      /next: +run the same command with sudo; or allow it: sudo sysctl -w user\.max_user/,
    );
  });
});
