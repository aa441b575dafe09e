import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGENT_FILES, AGENT_UNIT } from "../../director/agent-files";
import { UNIT } from "../../director/boot";
import { availableIn, layerEnvironment } from "../../lab/layer";
import { packageLayer } from "../../setup/packages";

describe("a unit that is written on directors", () => {
  // systemd looks whether what a unit starts is there; here it is not.
  const agent = AGENT_UNIT.replace(AGENT_FILES.command, "/bin/true");
  for (const [name, text] of Object.entries({ "heye-restore": UNIT, "heye-agent": agent })) {
    it(`is one that systemd takes without a word: ${name}`, async () => {
      const { layer } = await packageLayer("systemd-analyze", ["systemd"]);
      const env = layerEnvironment(layer);
      const folder = mkdtempSync(join(tmpdir(), "heye-unit-"));
      try {
        const unit = join(folder, `${name}.service`);
        writeFileSync(unit, text);
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
        const about = stderr.split("\n").filter((line) => line.includes(name));
        assert.deepEqual([status, about], [0, []], stderr);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
