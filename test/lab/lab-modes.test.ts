import assert from "node:assert/strict";
import { join } from "node:path";
import { Lab, NoKernelError } from "../../lab";
import { chooseMode } from "../../lab/mode";
import type { Findings, Refusal } from "./lab-inside";
import { whole } from "./lab-whole";

/** A lab inside a lab, in milliseconds: every process of both runs on the guest's one CPU. */
const INSIDE_MS = 170_000;

describe("lab: modes", () => {
  it("runs the very same world in namespaces of a kernel that has IPVS", async function () {
    this.timeout(2 * INSIDE_MS);
    // The guest's kernel has it, so a lab inside a lab shows it on every machine.
    const outer = await Lab.up({ directors: 1, servers: 0, database: false, mode: "guest" });
    try {
      const program = join(__dirname, "lab-inside.js");
      const { stdout, stderr } = await outer.exec("switch", [process.execPath, program], {
        timeoutMs: INSIDE_MS,
      });
      const found = JSON.parse(stdout || assert.fail(stderr)) as Findings | Refusal;
      assert.ok("left" in found, JSON.stringify(found));
      const { cable, ...here } = found;
      assert.deepEqual(here, { ...whole(), uid: 0, mode: "namespaces", left: [] });
    } finally {
      await outer.down();
    }
  });

  it("says what to install where there is neither IPVS nor user-mode Linux", async () => {
    await assert.rejects(chooseMode("guest", "/nowhere"), (error) => {
      assert.ok(error instanceof NoKernelError);
      assert.match(error.message, /modprobe ip_vs/);
      assert.match(error.message, /apt-get install user-mode-linux/);
      return true;
    });
  });
});
