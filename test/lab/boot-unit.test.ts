import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UNIT } from "../../director/boot";
import { availableIn, layerEnvironment } from "../../lab/layer";
import { packageLayer } from "../../setup/packages";

describe("the unit that restores at boot", () => {
  it("is one that systemd takes without a word", async () => {
    const { layer } = await packageLayer("systemd-analyze", ["systemd"]);
    const env = layerEnvironment(layer);
    const folder = mkdtempSync(join(tmpdir(), "heye-unit-"));
    try {
      const unit = join(folder, "heye-restore.service");
      writeFileSync(unit, UNIT);
      const { status, stderr, error } = spawnSync(
        availableIn(layer, "usr/bin/systemd-analyze"),
        ["verify", "--man=no", unit],
        {
          encoding: "utf8",
          env: {
            ...env,
            LD_LIBRARY_PATH: `${env.LD_LIBRARY_PATH}:${env.LD_LIBRARY_PATH}/systemd`,
            SYSTEMD_UNIT_PATH: `${join(layer, "usr/lib/systemd/system")}:`,
          },
        },
      );
      assert.equal(error, undefined);
      const about = stderr.split("\n").filter((line) => line.includes("heye-restore"));
      assert.deepEqual([status, about], [0, []], stderr);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
