import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cached, cacheRoot } from "../../setup/cache";

/** Another process that builds the same entry; it says `building PID-OF-CHILD`, then `path ...`. */
const BUILDER = join(__dirname, "setup-cache-builder.js");

interface Builder {
  readonly process: ChildProcess;
  /** Resolves with the rest of the line when stdout has one that begins with `word`. */
  line(word: string): Promise<string>;
  output(): { stdout: string; stderr: string };
}

function builder(base: string, behaviour: string): Builder {
  const child = spawn(process.execPath, [BUILDER, behaviour], {
    env: { ...process.env, XDG_CACHE_HOME: base },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const seen = { stdout: "", stderr: "" };
  child.stderr.on("data", (chunk: Buffer) => {
    seen.stderr += chunk.toString();
  });
  child.stdout.on("data", (chunk: Buffer) => {
    seen.stdout += chunk.toString();
  });
  const line = async (word: string): Promise<string> => {
    for (;;) {
      const found = new RegExp(`^${word} (.*)\n`, "m").exec(seen.stdout)?.[1];
      if (found !== undefined) return found;
      if (child.exitCode !== null)
        throw new Error(`the builder ended without saying "${word}": ${seen.stderr}`);
      await Promise.race([once(child.stdout, "data"), once(child, "close")]);
    }
  };
  return { process: child, line, output: () => seen };
}

async function gone(pid: number, within = 5_000): Promise<boolean> {
  for (const end = Date.now() + within; Date.now() < end; ) {
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (state === undefined || / Z /.test(state)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

describe("the cache", () => {
  let base = "";
  let before: string | undefined;

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "heye-cache-"));
    before = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = base;
  });

  afterEach(async () => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
    await rm(base, { recursive: true, force: true });
  });

  it("lies under XDG_CACHE_HOME, unless that is relative", () => {
    equal(cacheRoot({ XDG_CACHE_HOME: "/var/tmp/c" }), "/var/tmp/c/heye");
    match(cacheRoot({ XDG_CACHE_HOME: "relative" }), /\/\.cache\/heye$/);
    match(cacheRoot({}), /\/\.cache\/heye$/);
  });

  it("builds once, then only answers", async () => {
    let built = 0;
    const entry = {
      name: "thing",
      version: "1.0",
      what: "a thing",
      build: async (): Promise<void> => {
        built += 1;
      },
    };
    const first = await cached(entry);
    equal(await cached(entry), first);
    equal(first, join(base, "heye", "thing", "1.0"));
    equal(built, 1);
    equal((await stat(first)).mode & 0o777, 0o755);
  });

  it("keeps nothing of a build that failed, and builds again", async () => {
    const failing = {
      name: "thing",
      version: "1",
      what: "a thing",
      build: () => Promise.reject(new Error("no luck")),
    };
    await rejects(cached(failing), /no luck/);
    deepEqual(await readdir(join(base, "heye", "thing")), []);
    await cached({ ...failing, build: async () => undefined });
    deepEqual(await readdir(join(base, "heye", "thing")), ["1"]);
  });

  it("does not take names that lead elsewhere", async () => {
    for (const version of ["../1", "a/b", "", ".hidden"]) {
      const entry = { name: "thing", version, what: "a thing", build: async () => undefined };
      await rejects(cached(entry), /letters, digits/, version);
    }
  });

  it("lets one of several processes build and the others wait for it, telling for whom", async () => {
    const first = builder(base, "slow");
    await first.line("building");
    const others = [builder(base, "slow"), builder(base, "slow")];
    const paths = await Promise.all([first, ...others].map((each) => each.line("path")));
    deepEqual(new Set(paths).size, 1);
    equal(await readFile(join(String(paths[0]), "content"), "utf8"), "whole");
    for (const other of others) {
      ok(!other.output().stdout.includes("building"), "only the first builds");
      match(other.output().stderr, new RegExp(`process (${first.process.pid}|unknown) is at it; waiting`));
    }
    deepEqual(await readdir(join(base, "heye", "thing")), ["1"]);
  });

  it("survives a builder that is killed: the lock is free, its child is gone, its draft is removed", async () => {
    const victim = builder(base, "endless");
    const child = Number(await victim.line("building"));
    const waiting = builder(base, "quick");
    victim.process.kill("SIGKILL");
    const path = await waiting.line("path");
    equal(await readFile(join(path, "content"), "utf8"), "whole");
    deepEqual(await readdir(join(base, "heye", "thing")), ["1"]);
    ok(await gone(child), "what the killed builder had started must not go on");
  });
});
