import { equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";

/** setup/node.sh under the shell that Debian has as sh, with programs of our own in place of the real ones. */
describe("the private Node", () => {
  let base = "";
  let bin = "";

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "heye-shell-"));
    bin = join(base, "bin");
    await mkdir(bin);
    const real = [
      "sh",
      "date",
      "mkdir",
      "mktemp",
      "chmod",
      "rm",
      "uname",
      "tar",
      "gzip",
      "grep",
      "sha256sum",
      "mv",
      "flock",
      "cat",
    ];
    for (const name of real) {
      const found = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
      await symlink(found, join(bin, name));
    }
  });

  afterEach(() => rm(base, { recursive: true, force: true }));

  async function program(name: string, ...lines: string[]): Promise<void> {
    await writeFile(join(bin, name), ["#!/bin/sh", ...lines, ""].join("\n"));
    await chmod(join(bin, name), 0o755);
  }

  function findNode(): { status: number | null; stdout: string; stderr: string } {
    const script = 'set -eu; cache=$1; . "$2/setup/shell.sh"; . "$2/setup/node.sh"; find_node; echo "$node"';
    return spawnSync(join(bin, "sh"), ["-c", script, "sh", join(base, "cache"), PROJECT_ROOT], {
      env: { PATH: bin },
      encoding: "utf8",
    });
  }

  it("is not fetched where the one on PATH is new enough", async () => {
    await program("node", "echo 22");
    const { status, stdout } = findNode();
    equal(status, 0);
    equal(stdout, `${join(bin, "node")}\n`);
  });

  it("is told of, with what to do, where there is no way to get it", async () => {
    await program("node", "case $1 in --version) echo v18.19.0 ;; *) echo 18 ;; esac");
    const { status, stderr } = findNode();
    equal(status, 1);
    match(stderr, /Node v18\.19\.0 is too old/);
    match(stderr, /neither curl nor wget/);
    match(stderr, /no npm/);
    match(stderr, /next: .*put Node 22 or newer on PATH/);
  });

  it("is refused when the package is not the one that this project knows", async () => {
    await program("curl", "exit 6");
    await program("npm", "for file in x64 arm64; do echo evil >node-linux-$file-24.21.0.tgz; done");
    const { status, stderr } = findNode();
    equal(status, 1);
    match(stderr, /there is no Node on PATH/);
    match(stderr, /can't be reached from here/);
    match(stderr, /another checksum/);
    const kept = (await readdir(join(base, "cache", "node"))).filter((name) => !name.startsWith("."));
    equal(kept.length, 0, "nothing under the final name");
  });
});
