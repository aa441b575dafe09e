import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { foreground } from "./command";
import { add, failed, NOTHING, type Outcome } from "./outcome";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "./project";
import { duration, say } from "./report";

/** A layer that takes longer, in milliseconds, hangs: a handle was left open, or a wait never ends. */
const LAYER_LIMIT = 80 * 60_000;

const TEST_FOLDER = join(RUNTIME_FOLDER, "test");

/** Compiled tests that run in one mocha. */
export interface Layer {
  readonly name: string;
  /** Where they are: every `*.test.js` in it, at any depth. */
  readonly folder: string;
  /** The limit of one test or hook, in milliseconds. */
  readonly timeout: number;
  /** Brings what these tests need. @returns their environment */
  prepare(): Promise<NodeJS.ProcessEnv>;
  /** What runs the tests: a program with arguments, before those of mocha's own command line. Default: nothing. */
  readonly within?: readonly [string, ...string[]];
}

/**
 * Runs the tests of a layer and shows them as they run. What can't be counted counts as one failure: no tests,
 * a mocha that crashed or hung, one whose status and outcome disagree.
 *
 * @param options further arguments of mocha, such as --grep
 * @param output an open file that takes what the tests print, instead of showing it
 * @param prepared what `prepare` returned, where that was called already
 */
export async function runLayer(
  layer: Layer,
  options: readonly string[] = [],
  output?: number,
  prepared?: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const files = await testFiles(layer.folder);
  if (files.length === 0) return failure(layer, `there is no test in ${layer.folder}`);
  const env = prepared ?? (await layer.prepare());
  const start = Date.now();
  const outcomeFile = await freshOutcomeFile(layer);
  say(`tests of the layer ${layer.name} ...`);
  const [program, ...before] = [...(layer.within ?? []), process.execPath];
  const status = await foreground(
    program ?? process.execPath,
    [...before, ...mocha(layer, outcomeFile), ...options, ...files],
    env,
    { limit: LAYER_LIMIT, ...(output !== undefined && { output }) },
  );
  const outcome = await readOutcome(outcomeFile);
  say(`tests of the layer ${layer.name}: ${duration(Date.now() - start)}`);
  if (outcome === undefined) return failure(layer, `mocha ended early, with status ${status}`);
  if (outcome.passed + outcome.failures.length === 0) return failure(layer, "no test has run");
  if (status !== 0 && outcome.failures.length === 0)
    return add(outcome, failure(layer, `mocha ended with status ${status}`));
  return {
    passed: outcome.passed,
    failures: outcome.failures.map(({ what, why }) => ({ what: `${layer.name} › ${what}`, why })),
  };
}

/**
 * Runs layers, so many at the same time and in their order: the first one's tests are shown as they run, those of the others
 * when it has ended. What they need is brought before, one after the other: a build beside tests would starve them.
 *
 * @param stop once it is aborted no other layer begins
 */
export async function runTogether(
  layers: readonly Layer[],
  lanes: number,
  stop?: AbortSignal,
): Promise<Outcome> {
  const ready: (readonly [Layer, NodeJS.ProcessEnv])[] = [];
  for (const layer of layers) {
    if (stop?.aborted) return NOTHING;
    ready.push([layer, await layer.prepare()]);
  }
  const [first, ...others] = ready;
  if (first === undefined || stop?.aborted) return NOTHING;
  await mkdir(TEST_FOLDER, { recursive: true, mode: 0o700 });
  const waiting = others.values();
  const shown = runLayer(first[0], [], undefined, first[1]);
  const printing: Promise<unknown>[] = [];
  const lane = async (before?: Promise<Outcome>): Promise<Outcome> => {
    let outcome = (await before) ?? NOTHING;
    while (!stop?.aborted) {
      const next = waiting.next();
      if (next.done) break;
      const recorded = await runRecorded(...next.value);
      printing.push(shown.catch(() => undefined).then(() => process.stdout.write(recorded.printed)));
      outcome = add(outcome, recorded.outcome);
    }
    return outcome;
  };
  const beside = Array.from({ length: lanes - 1 }, () => lane());
  const all = await Promise.all([lane(shown), ...beside]);
  await Promise.all(printing);
  return all.reduce(add);
}

/** Runs a layer with its tests' words kept for later; they are shown at once where it cannot be run to its end. */
async function runRecorded(
  layer: Layer,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly outcome: Outcome; readonly printed: Buffer }> {
  const path = join(TEST_FOLDER, `${layer.name}-${process.pid}.log`);
  await using file = await open(path, "w+", 0o600);
  try {
    return { outcome: await runLayer(layer, [], file.fd, env), printed: await readFile(path) };
  } catch (error) {
    process.stdout.write(await readFile(path));
    throw error;
  } finally {
    await rm(path);
  }
}

function mocha(layer: Layer, outcomeFile: string): string[] {
  return [
    join(PROJECT_ROOT, "node_modules", "mocha", "bin", "mocha.js"),
    ...["--reporter", join(__dirname, "reporter.js"), "--reporter-option", `outcome=${outcomeFile}`],
    // A test that does not run is not a test that passes.
    ...["--forbid-only", "--forbid-pending"],
    ...["--timeout", String(layer.timeout)],
  ];
}

async function testFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(".test.js"))
    .sort()
    .map((name) => join(folder, name));
}

function failure(layer: Layer, reason: string): Outcome {
  say(`tests of the layer ${layer.name}: failed, ${reason}`);
  return failed(`tests of the layer ${layer.name}`, reason);
}

async function freshOutcomeFile(layer: Layer): Promise<string> {
  await mkdir(TEST_FOLDER, { recursive: true, mode: 0o700 });
  const file = join(TEST_FOLDER, `${layer.name}-${process.pid}.json`);
  await rm(file, { force: true });
  return file;
}

async function readOutcome(file: string): Promise<Outcome | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Outcome;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}
