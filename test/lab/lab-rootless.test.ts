import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../../lab/paths";
import { recordOf } from "../../lab/processes";
import { isRoot, labLayer } from "../../setup";
import type { Findings, Refusal } from "./lab-inside";
import { whole } from "./lab-whole";

const execFileAsync = promisify(execFile);
const PROGRAM = join("dist", "test", "lab", "lab-inside.js");

/** Processes of a user that run; the dead may have to wait for their new parent to bury them. */
function processesOf(uid: number): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name) || !recordOf(Number(name), name)) return false;
    try {
      return readFileSync(`/proc/${name}/status`, "utf8").includes(`\nUid:\t${uid}\t`);
    } catch {
      return false;
    }
  });
}

/** What a lab of a user finds, who has these rights; see lab-user.sh. */
async function asUser(uid: number, rights: "tap" | "packets" | "none"): Promise<Findings | Refusal> {
  const scratch = mkdtempSync(join(tmpdir(), "heye-user-"));
  chmodSync(scratch, 0o755);
  const packages = join(await labLayer(), "..");
  const script = join(PACKAGE_ROOT, "test", "lab", "lab-user.sh");
  const user = [String(uid), rights, scratch, PACKAGE_ROOT, packages, process.execPath, PROGRAM];
  try {
    const { stdout } = await execFileAsync("unshare", ["--mount", "--", "sh", script, ...user]);
    return JSON.parse(stdout) as Findings | Refusal;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

describe("lab: without root", () => {
  // Whoever runs the tests without root has just this, in all of them.
  if (!isRoot()) return;
  const uid = randomInt(60_000, 64_000);

  for (const cable of ["packets", "tap"] as const)
    it(`is a whole world for a user, over ${cable}, and leaves no process`, async () => {
      const found = await asUser(uid, cable);
      assert.ok("left" in found, JSON.stringify(found));
      // Other labs of this machine come and go at the same time.
      const { left, ...own } = found;
      assert.deepEqual(own, { ...whole(), uid, mode: "guest", cable });
      assert.deepEqual(processesOf(uid), []);
    });

  it("says which sysctl forbids it", async () => {
    const found = await asUser(uid, "none");
    const refused = "refused" in found ? found.refused : assert.fail("a lab came up");
    assert.match(refused, /^NotRootError: expected root, or a system where users may make user namespaces/);
    assert.match(refused, new RegExp(`user ${uid}, and user\\.max_user_namespaces = 0 forbids it`));
    assert.match(
      refused,
      /next: +run the same command with sudo; or allow it: sudo sysctl -w user\.max_user/,
    );
  });
});
