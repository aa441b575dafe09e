import { chmod, mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { cached, cacheRoot } from "./cache";
import { run } from "./command";
import { PlatformUnsupported, SetupError } from "./errors";
import { withLock } from "./lock";
import { packageLayer } from "./packages";
import { say, withProgress } from "./report";
import { atLeast, parseVersion, type Version } from "./version";

/** The oldest Go that the wrapper modules under setup/go can be built with. */
const OLDEST_GO: Version = [1, 26, 0];
/** The Go that is fetched where there is none of that age. */
const PRIVATE_GO = "1.26.8";

/** A program to be built from one of the wrapper modules. */
export interface GoProgram {
  /** In words, for the lines that people read. */
  readonly what: string;
  /** The folder of the module whose go.mod and go.sum pin the sources. */
  readonly module: string;
  /** The import path of its main package. */
  readonly main: string;
  /** Build tags. */
  readonly tags?: readonly string[];
  /** Values for string variables of the program, by import path and name. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where the executable is to be written. */
  readonly output: string;
}

/**
 * Builds a program from the Go module proxy, with exactly the sources that go.sum names, at low priority.
 * Needs no C compiler.
 *
 * @throws CommandFailed when a module can't be fetched or the build fails
 */
export async function goBuild(program: GoProgram): Promise<void> {
  const go = await toolchain();
  const variables = Object.entries(program.variables).map(([name, value]) => `-X ${name}=${value}`);
  const flags = [
    "-v",
    "-mod=readonly",
    "-trimpath",
    "-buildvcs=false",
    ...(program.tags ? ["-tags", program.tags.join(",")] : []),
    "-ldflags",
    ["-s -w", ...variables].join(" "),
  ];
  await withProgress(program.what, (note) =>
    run("nice", [go, "build", ...flags, "-o", program.output, program.main], {
      cwd: program.module,
      env: goEnvironment(),
      onLine: (line) => note(line.startsWith("go: ") ? line.slice(4) : `compiling ${line}`),
      next:
        "see that the Go module proxy can be reached (`go env GOPROXY`) and that there are 3 GB of room for the cache; " +
        "run the same command again: what is compiled already is not compiled twice",
    }),
  );
}

/**
 * Does all the building of one entry of the cache, and removes what it has left of intermediate results, some 2 GB. They are
 * kept until the end, so that an interrupted build is resumed and not begun again. One at a time, since what one removes
 * another may be using. Caches that the user's own GOCACHE and GOMODCACHE name are his, and stay.
 */
export async function withGoCaches(build: () => Promise<void>): Promise<void> {
  const lock = join(cacheRoot(), "locks", "go-caches");
  await withLock(lock, "another build with Go", async () => {
    await build();
    await rm(goCaches(), { recursive: true, force: true });
  });
}

function goCaches(): string {
  return join(cacheRoot(), "go-caches");
}

/** For Go's own temporary folders, which a killed build leaves behind: not in /tmp, where nobody removes them. */
function temporary(): string {
  return join(goCaches(), "tmp");
}

/**
 * Everything that Go writes goes under our cache, its notes in the home folder too; what the user has told it
 * (proxy, private modules) stays in force.
 */
function goEnvironment(): NodeJS.ProcessEnv {
  const userConfig = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
  return {
    GOMODCACHE: join(goCaches(), "mod"),
    GOCACHE: join(goCaches(), "build"),
    GOENV: join(userConfig, "go", "env"),
    ...process.env,
    GOPATH: join(goCaches(), "path"),
    XDG_CONFIG_HOME: join(goCaches(), "config"),
    GOTMPDIR: temporary(),
    // Flags and workspaces of the user's own projects must not reach into this build.
    GOFLAGS: "-modcacherw",
    GOWORK: "off",
    GOTOOLCHAIN: "local",
    GOOS: "",
    GOARCH: "",
    CGO_ENABLED: "0",
  };
}

async function toolchain(): Promise<string> {
  await mkdir(temporary(), { recursive: true });
  const found = await goVersion("go");
  if (found !== undefined && atLeast(found, OLDEST_GO)) return "go";
  const root = await cached({
    name: "go",
    version: PRIVATE_GO,
    what: `Go ${PRIVATE_GO} (${found === undefined ? "there is none on PATH" : `${found.join(".")} on PATH is too old`})`,
    build: (dir) => fetchToolchain(dir, found === undefined ? undefined : "go"),
  });
  return join(root, "bin", "go");
}

async function goVersion(go: string): Promise<Version | undefined> {
  try {
    return parseVersion(await run(go, ["env", "GOVERSION"], { env: goEnvironment() }));
  } catch (error) {
    if (error instanceof SetupError) return undefined;
    throw error;
  }
}

/**
 * Go is itself a module of the proxy. Any older Go can fetch it, and checks it against the public checksum
 * database; where there is none, the distribution's serves, unpacked but not installed.
 */
async function fetchToolchain(dir: string, go: string | undefined): Promise<void> {
  const architecture = { x64: "amd64", arm64: "arm64" }[process.arch as string];
  if (architecture === undefined) {
    throw new PlatformUnsupported({
      expected: "a processor that the set-up knows a Go for (x64, arm64)",
      found: process.arch,
      next: `put Go ${OLDEST_GO.join(".")} or newer on PATH, then run the same command again`,
    });
  }
  const fetcher = go ?? (await distributionGo());
  const module = `golang.org/toolchain@v0.0.1-go${PRIVATE_GO}.linux-${architecture}`;
  const download = join(dir, ".download");
  await mkdir(download);
  await run(fetcher, ["mod", "download", module], {
    cwd: download,
    env: { ...goEnvironment(), GOMODCACHE: download, GOCACHE: join(download, ".cache"), GO111MODULE: "on" },
    next: `see that the Go module proxy can be reached, or put Go ${OLDEST_GO.join(".")} or newer on PATH`,
  });
  const content = join(download, module);
  for (const name of await readdir(content)) await rename(join(content, name), join(dir, name));
  await rm(download, { recursive: true });
  await makeExecutable(dir);
}

/** A module's archive carries no permissions. */
async function makeExecutable(root: string): Promise<void> {
  const tools = join(root, "pkg", "tool");
  const folders = [join(root, "bin"), ...(await readdir(tools)).map((name) => join(tools, name))];
  for (const folder of folders) {
    for (const name of await readdir(folder)) await chmod(join(folder, name), 0o755);
  }
}

async function distributionGo(): Promise<string> {
  say("there is no Go to fetch a newer one with; taking the distribution's for that");
  const { layer } = await packageLayer("the distribution's Go", ["golang-go"]);
  const versions = (await readdir(join(layer, "usr", "lib"))).filter((name) => /^go-\d/.test(name));
  return join(layer, "usr", "lib", versions.sort().at(-1) ?? "go", "bin", "go");
}
