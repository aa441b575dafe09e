import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootName } from "../../agent/boot-name";

describe("the name of a boot", () => {
  let proc: string;
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), "heye-proc-"));
    mkdirSync(join(proc, "1"));
    mkdirSync(join(proc, "sys/kernel/random"), { recursive: true });
  });
  afterEach(() => rmSync(proc, { recursive: true }));

  const says = (boot: string) => writeFileSync(join(proc, "sys/kernel/random/boot_id"), `${boot}\n`);
  /** Of a first process whose name is as bad as it can be. */
  const began = (ticks: number) =>
    writeFileSync(
      join(proc, "1/stat"),
      `1 (a (b) c) S 0 1 1 0 -1 4194560 20 30 40 50 6 7 8 9 20 0 1 0 ${ticks} 170000 3000 18446\n`,
    );

  it("is another one when the kernel or the first process is, and the same else", () => {
    says("one");
    began(5);
    assert.equal(bootName(proc), "one 5");
    began(900);
    assert.equal(bootName(proc), "one 900");
    says("two");
    assert.equal(bootName(proc), "two 900");
  });

  it("is the kernel's alone where the first process is hidden, and there is none where the kernel does not tell", () => {
    assert.equal(bootName(proc), undefined);
    says("one");
    assert.equal(bootName(proc), "one");
  });

  it("stays as it is on this machine", () => {
    assert.ok(bootName());
    assert.equal(bootName(), bootName());
  });
});
