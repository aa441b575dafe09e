import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { BOOT_FILES, RESTORE_SCRIPT, UNIT } from "../../director/boot";
import { INSTALL } from "../../director/install";
import { FIND_RIVALS } from "../../director/rivals";
import { CHANGE_SETTINGS, OBSERVE_SETTINGS } from "../../director/settings-script";

describe("the scripts of settings", () => {
  it("are POSIX shell, and hold no single quotes where they travel inside a pair", () => {
    for (const script of [INSTALL, FIND_RIVALS, OBSERVE_SETTINGS, CHANGE_SETTINGS, RESTORE_SCRIPT]) {
      const { status, stderr } = spawnSync("sh", ["-n"], { input: script, encoding: "utf8" });
      assert.deepEqual([status, stderr], [0, ""]);
    }
    for (const script of [INSTALL, FIND_RIVALS, OBSERVE_SETTINGS, CHANGE_SETTINGS])
      assert.doesNotMatch(script, /'/);
  });
});

describe("the unit that restores at boot", () => {
  it("runs the script before the network counts as online, and can write nothing but its own folders", () => {
    assert.match(UNIT, new RegExp(`^ExecStart=/bin/sh ${BOOT_FILES.script}$`, "m"));
    assert.match(UNIT, /^Before=network-online\.target /m);
    assert.match(UNIT, /^ProtectSystem=strict$/m);
    // `place` records addresses there before it adds them; without that it adds none.
    assert.match(UNIT, /^ReadWritePaths=\/var\/lib\/heye$/m);
    // What else it has to write is not under these protections.
    assert.doesNotMatch(UNIT, /^(ProtectKernelTunables|ProtectKernelModules|PrivateNetwork|PrivateUsers)=/m);
  });
});
