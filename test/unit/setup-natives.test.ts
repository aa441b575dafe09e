import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { packedNatives } from "../../setup/natives";
import { PROJECT_ROOT } from "../../setup/project";

/** Of ELF's header: the processor that a file is for (e_machine). */
const PROCESSORS = { "linux-x64": 62, "linux-arm64": 183 } as const;

describe("koffi's native parts in the agent's program", () => {
  it("are those of every processor that directors have, whatever this one is", async function () {
    this.timeout(60_000);
    const natives = await packedNatives();
    assert.deepEqual(Object.keys(natives).sort(), Object.keys(PROCESSORS).sort());
    for (const [machine, processor] of Object.entries(PROCESSORS)) {
      const packed = natives[machine];
      assert.ok(packed);
      const file = brotliDecompressSync(Buffer.from(packed.brotli, "base64"));
      assert.equal(createHash("sha256").update(file).digest("hex"), packed.sha256);
      assert.equal(file.readUInt16LE(18), processor, machine);
    }
  });

  it("are in the one file, with the terms that go with them, and koffi's own loader is not", async () => {
    const program = readFileSync(join(PROJECT_ROOT, "dist", "agent", "heye-agent.js"), "utf8");
    for (const { sha256 } of Object.values(await packedNatives())) assert.ok(program.includes(sha256));
    assert.match(program, /koffi, native:\s+MIT License/);
    assert.doesNotMatch(program, /@koromix/);
  });
});
