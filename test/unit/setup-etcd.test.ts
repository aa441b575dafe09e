import { equal } from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ETCD_VERSION, etcdOnPath } from "../../setup/etcd";
import { PROJECT_ROOT } from "../../setup/project";

describe("etcd", () => {
  let folder = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "heye-etcd-"));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function install(name: string, script: string, ...others: string[]): Promise<string> {
    const bin = join(folder, name);
    await mkdir(bin);
    await writeFile(join(bin, "etcd"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    for (const other of others) await writeFile(join(bin, other), "", { mode: 0o755 });
    return bin;
  }

  it("is built in the version that is written down, all of its programs", async () => {
    const module = await readFile(join(PROJECT_ROOT, "setup", "go", "etcd", "go.mod"), "utf8");
    for (const program of ["server", "etcdctl", "etcdutl"])
      equal(new RegExp(`go.etcd.io/etcd/${program}/v3 v(\\S+)`).exec(module)?.[1], ETCD_VERSION, program);
  });

  it("is taken from PATH when it is new enough and has its tools", async () => {
    const bin = await install("good", "echo etcd Version: 3.5.21", "etcdctl", "etcdutl");
    equal(await etcdOnPath(`/nonexistent::${bin}`), bin);
  });

  it("is left alone on PATH when it is too old, alone, broken or mute", async () => {
    const bins = [
      await install("old", "echo etcd Version: 3.4.23", "etcdctl", "etcdutl"),
      await install("alone", "echo etcd Version: 3.6.16", "etcdctl"),
      await install("broken", "exit 1", "etcdctl", "etcdutl"),
      await install("mute", "true", "etcdctl", "etcdutl"),
    ];
    for (const bin of bins) equal(await etcdOnPath(bin), undefined, bin);
    equal(await etcdOnPath(""), undefined);
  });
});
