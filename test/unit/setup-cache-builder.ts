import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { cached } from "../../setup/cache";
import { leashed } from "../../setup/command";

/** Fixture of setup-cache.test.ts: a process that fills one cache entry, as slowly as its argument says. */
async function build(dir: string, behaviour: string | undefined): Promise<void> {
  await writeFile(join(dir, "content"), "half");
  const [program, args] = leashed("sleep", ["600"]);
  const child = spawn(program, args, { stdio: "ignore" });
  console.log(`building ${child.pid}`);
  await pause(behaviour === "endless" ? 600_000 : behaviour === "slow" ? 1_500 : 0);
  child.kill();
  await writeFile(join(dir, "content"), "whole");
}

async function main(): Promise<void> {
  const [behaviour] = process.argv.slice(2);
  const path = await cached({
    name: "thing",
    version: "1",
    what: "a thing",
    build: (dir) => build(dir, behaviour),
  });
  console.log(`path ${path}`);
}

void main();
