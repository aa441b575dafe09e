import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { INSTALL } from "../../director/install";

const NEEDED = ["ipvsadm", "flock", "modprobe", "awk", "ip", "tc"];

/** What is installed on a host that has some programs and a package manager, which does nothing. */
function installed(manager: string, ...has: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "heye-install-"));
  try {
    for (const name of [manager, ...has]) {
      writeFileSync(join(folder, name), "#!/bin/sh\n");
      chmodSync(join(folder, name), 0o755);
    }
    symlinkSync("/bin/sh", join(folder, "sh"));
    const script = INSTALL.replace(/^PATH=.*$/m, `PATH=${folder}`);
    assert.notEqual(script, INSTALL);
    const { stdout } = spawnSync("/bin/sh", ["-c", script], { encoding: "utf8" });
    const [outcome, packages = ""] = stdout.trim().split("\n");
    assert.equal(outcome, has.length === NEEDED.length ? "heye 1 present" : "heye 1 installed");
    return packages.trim().split(" ").filter(Boolean);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("what a director lacks", () => {
  const without = (...lacking: readonly string[]) => NEEDED.filter((name) => !lacking.includes(name));

  it("is installed by the names that packages have in each family", () => {
    assert.deepEqual(installed("apt-get"), ["ipvsadm", "util-linux", "kmod", "mawk", "iproute2"]);
    assert.deepEqual(installed("dnf"), ["ipvsadm", "util-linux", "kmod", "gawk", "iproute", "iproute-tc"]);
    assert.deepEqual(installed("yum"), ["ipvsadm", "util-linux", "kmod", "gawk", "iproute"]);
  });

  it("is installed for the check by way of a virtual address too, where tc is apart", () => {
    assert.deepEqual(installed("dnf", ...without("tc")), ["iproute-tc"]);
    assert.deepEqual(installed("apt-get", ...without("tc")), ["iproute2"]);
  });

  it("is nothing where all is there", () => {
    assert.deepEqual(installed("dnf", ...NEEDED), []);
  });
});
