import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { foreground } from "./command";
import { setUp } from "./commands";
import { engine } from "./engine";
import { prepareEnvironment } from "./environment";
import { UsageError } from "./errors";
import { labLayer } from "./lab-packages";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "./project";
import { duration, say } from "./report";
import type { Counts } from "./reporter";

/** A folder of test/, in the order in which they run: the cheap and the telling ones first. */
interface Layer {
  readonly name: string;
  /** The limit of one test or hook, in milliseconds. */
  readonly timeout: number;
  /** Brings what this layer needs. @returns the environment of its tests */
  prepare(): Promise<NodeJS.ProcessEnv>;
}

/** A layer that takes longer, in milliseconds, hangs: a handle was left open, or a wait never ends. */
const LAYER_LIMIT = 30 * 60_000;

const LAYERS: readonly Layer[] = [
  { name: "unit", timeout: 30_000, prepare: async () => process.env },
  { name: "provider", timeout: 60_000, prepare: async () => process.env },
  {
    name: "lab",
    timeout: 180_000,
    prepare: async () => {
      await labLayer();
      return process.env;
    },
  },
  {
    name: "pulumi",
    timeout: 300_000,
    prepare: async () => {
      const found = await engine();
      await labLayer();
      return prepareEnvironment(found);
    },
  },
];

/** The checks of the sources, each of which counts as one test. */
const CHECKS: readonly {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}[] = [
  { name: "types", program: "typescript/bin/tsc", args: ["-p", "."] },
  {
    name: "lint",
    program: "@biomejs/biome/bin/biome",
    args: ["check", "--formatter-enabled=false", "--error-on-warnings", "."],
  },
  { name: "format", program: "@biomejs/biome/bin/biome", args: ["format", "."] },
];

/**
 * Runs the checks and every layer, or one layer by its name with the set-up that it needs, and ends with the
 * line `N passed, M failed`.
 *
 * @returns 0 when nothing failed
 * @throws UsageError when there is no such layer
 */
export async function test(args: readonly string[]): Promise<number> {
  const [name] = args;
  const chosen = LAYERS.filter((layer) => name === undefined || layer.name === name);
  if (chosen.length === 0) {
    throw new UsageError({
      expected: `a layer of the tests: ${LAYERS.map((layer) => layer.name).join(", ")}`,
      found: String(name),
      next: "npm test runs all of them",
    });
  }
  const all: Counts[] = [];
  if (name === undefined) {
    await setUp();
    all.push(await checkSources());
  }
  for (const layer of chosen) all.push(await runLayer(layer, args.slice(1)));
  const passed = all.reduce((sum, counts) => sum + counts.passed, 0);
  const failed = all.reduce((sum, counts) => sum + counts.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function checkSources(): Promise<Counts> {
  let failed = 0;
  for (const { name, program, args } of CHECKS) {
    const start = Date.now();
    const status = await foreground(
      process.execPath,
      [join(PROJECT_ROOT, "node_modules", program), ...args],
      process.env,
    );
    say(`check of ${name}: ${status === 0 ? "passed" : "failed"} in ${duration(Date.now() - start)}`);
    if (status !== 0) failed += 1;
  }
  return { passed: CHECKS.length - failed, failed };
}

/** @param mocha further arguments of mocha, such as --grep */
async function runLayer(layer: Layer, mocha: readonly string[]): Promise<Counts> {
  const folder = join(PROJECT_ROOT, "dist", "test", layer.name);
  const files = (await readdir(folder, { recursive: true }).catch(() => [])).filter((name) =>
    name.endsWith(".test.js"),
  );
  if (files.length === 0) return failure(layer, "there are no tests in it");
  const env = await layer.prepare();
  const start = Date.now();
  const countsFile = await freshCountsFile(layer);
  const args = [
    join(PROJECT_ROOT, "node_modules", "mocha", "bin", "mocha.js"),
    ...["--reporter", join(__dirname, "reporter.js"), "--reporter-option", `counts=${countsFile}`],
    // A test that does not run is not a test that passes.
    ...["--forbid-only", "--forbid-pending"],
    ...["--timeout", String(layer.timeout)],
    ...mocha,
    ...files.sort().map((name) => join(folder, name)),
  ];
  say(`tests of the layer ${layer.name} ...`);
  const status = await foreground(process.execPath, args, env, LAYER_LIMIT);
  const counts = await readCounts(countsFile);
  say(`tests of the layer ${layer.name}: ${duration(Date.now() - start)}`);
  if (counts === undefined) return failure(layer, `mocha ended early, with status ${status}`);
  if (counts.passed + counts.failed === 0) return failure(layer, "no test has run");
  if (status !== 0 && counts.failed === 0)
    return add(counts, failure(layer, `mocha ended with status ${status}`));
  return counts;
}

function failure(layer: Layer, reason: string): Counts {
  say(`tests of the layer ${layer.name}: failed, ${reason}`);
  return { passed: 0, failed: 1 };
}

function add(one: Counts, other: Counts): Counts {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed };
}

async function freshCountsFile(layer: Layer): Promise<string> {
  const folder = join(RUNTIME_FOLDER, "test");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${layer.name}-${process.pid}.json`);
  await rm(file, { force: true });
  return file;
}

async function readCounts(file: string): Promise<Counts | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Counts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}
