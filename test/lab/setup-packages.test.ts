import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../setup/command";
import { PackagesUnavailable } from "../../setup/errors";
import { packageLayer } from "../../setup/packages";

/** The real apt and the real archive, with a package that hardly any machine has installed. */
describe("programs of the distribution that are not installed", () => {
  let base = "";
  let before: string | undefined;

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "heye's packages "));
    before = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = base;
  });

  afterEach(async () => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
    await rm(base, { recursive: true, force: true });
  });

  it("run from the cache, with the system's merged folders kept, and apt's own state gone", async () => {
    const { layer } = await packageLayer("a greeting", ["hello"]);
    match(await run(join(layer, "usr", "bin", "hello"), []), /Hello/);
    match(await readFile(join(layer, ".packages"), "utf8"), /^hello_/m);
    if ((await lstat("/bin")).isSymbolicLink()) equal(await readlink(join(layer, "bin")), "usr/bin");
    ok(!(await readdir(layer)).includes(".apt"));
    deepEqual(await packageLayer("a greeting", ["hello"]), { layer });
  });

  it("are fetched anew when the system has lost a package that they rely on", async () => {
    const { layer } = await packageLayer("a greeting", ["hello"]);
    // As if this package, which is not installed, had been installed when the layer was made.
    await writeFile(join(layer, ".relies-on"), "sl\n");
    const wider = await packageLayer("a greeting", ["hello"]);
    match(await readFile(join(wider.layer, ".packages"), "utf8"), /^sl_/m);
  });

  it("are refused with what to do when the distribution has none of that name", async () => {
    await rejects(packageLayer("nothing", ["no-such-package-of-heye"]), (error: unknown) => {
      ok(error instanceof PackagesUnavailable);
      match(error.message, /no-such-package-of-heye[\s\S]*Unable to locate[\s\S]*next: .*sources/);
      return true;
    });
    deepEqual((await readdir(join(base, "heye", "packages"))).length, 0);
  });
});
