import { equal } from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";
import { isFit, PROMETHEUS_VERSION } from "../../setup/promtool";

describe("promtool", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "heye-promtool-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const install = async (name: string, script: string) => {
    const program = join(folder, name);
    await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return program;
  };

  it("is built in the version that is written down", async () => {
    const module = await readFile(join(PROJECT_ROOT, "setup", "go", "promtool", "go.mod"), "utf8");
    const [, minor, patch] = /prometheus\/prometheus v0\.3(\d\d)\.(\d+)/.exec(module) ?? [];
    // The module of Prometheus 3.11.0 is v0.311.0.
    equal(`3.${Number(minor)}.${patch}`, PROMETHEUS_VERSION);
  });

  it("is taken where it is new enough, and left alone where it is old, broken, mute or not there", async () => {
    equal(await isFit(await install("good", "echo 'promtool, version 3.4.1 (branch: HEAD)'")), true);
    equal(await isFit(await install("old", "echo 'promtool, version 2.53.0 (branch: HEAD)'")), false);
    equal(await isFit(await install("broken", "exit 1")), false);
    equal(await isFit(await install("mute", "true")), false);
    equal(await isFit(join(folder, "none")), false);
  });
});
