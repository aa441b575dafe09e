import assert from "node:assert/strict";
import { join } from "node:path";
import { Lab, NoKernelError } from "../../lab";
import { chooseMode } from "../../lab/mode";
import type { InnerFindings } from "./lab-inner";
import { output } from "./lab-tools";

describe("lab: modes", () => {
  it("runs the very same world in namespaces of a kernel that has IPVS", async () => {
    // The guest's kernel has it, so a lab inside a lab shows it on every machine.
    const outer = await Lab.up({ directors: 1, servers: 0, database: false, mode: "guest" });
    try {
      const program = join(__dirname, "lab-inner.js");
      const findings = JSON.parse(await output(outer, "switch", process.execPath, program)) as InnerFindings;
      assert.deepEqual(findings, {
        mode: "namespaces",
        hostNames: ["d1", "d2"],
        servers: ["rs1", "rs2"],
        errors: {},
        database: "ready",
        left: [],
      });
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
