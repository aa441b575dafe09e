import { join } from "node:path";
import { cacheRoot } from "./cache";
import { chromium } from "./chromium";
import { foreground } from "./command";
import { setUp } from "./commands";
import { engine } from "./engine";
import { prepareEnvironment } from "./environment";
import { UsageError } from "./errors";
import { etcd } from "./etcd";
import { kubelet } from "./kubelet";
import { kubernetesPrograms } from "./kubernetes";
import { kubernetesPlugin } from "./kubernetes-plugin";
import { ipsetLayer, labLayer } from "./lab-packages";
import { type Layer, runLayer, runTogether } from "./layer";
import { add, failed, NOTHING, type Outcome, PASSED, summary } from "./outcome";
import { requireLabRights } from "./privileges";
import { PROJECT_ROOT } from "./project";
import { promtool } from "./promtool";
import { duration, say } from "./report";

/**
 * Groups of layers in the order in which they run: the cheap and the telling ones first, then those that take long, the
 * longest of them first.
 */
const GROUPS: readonly (readonly Layer[])[] = [
  [
    { name: "unit", folder: compiled("unit"), timeout: 30_000, prepare: async () => process.env },
    { name: "provider", folder: compiled("provider"), timeout: 60_000, prepare: async () => process.env },
  ],
  [
    { name: "lab", folder: compiled("lab"), timeout: 180_000, prepare: prepareLab },
    { name: "pulumi", folder: compiled("pulumi"), timeout: 300_000, prepare: preparePulumi },
    {
      name: "kubernetes",
      folder: compiled("kubernetes"),
      timeout: 120_000,
      prepare: prepareKubernetes,
      within: ["sh", join(PROJECT_ROOT, "test", "kubernetes", "network.sh")],
    },
    { name: "etcd", folder: compiled("etcd"), timeout: 120_000, prepare: prepareEtcd },
    { name: "operator", folder: compiled("operator"), timeout: 120_000, prepare: prepareOperator },
  ],
];
/** How many run at the same time: each keeps about one processor busy, and most machines of a CI have two. */
const LANES = 2;
const LAYERS = GROUPS.flat();

/** Those that build networks. Whether one may is said before minutes are spent on fetching what could not be used. */
const NEEDING_RIGHTS: readonly string[] = ["kubernetes", "lab", "pulumi"];

/** The checks of the sources, each of which counts as one test; programs are those of node_modules. */
const CHECKS: readonly {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}[] = [
  { name: "types", program: "typescript/bin/tsc", args: ["-p", "."] },
  { name: "types of the page", program: "typescript/bin/tsc", args: ["-p", "agent/page/client"] },
  {
    name: "lint",
    program: "@biomejs/biome/bin/biome",
    args: ["check", "--formatter-enabled=false", "--error-on-warnings", "."],
  },
  { name: "format", program: "@biomejs/biome/bin/biome", args: ["format", "."] },
];

/**
 * Runs the checks and every layer, or one layer by its name with the set-up that it needs, and ends with what failed
 * and the line `N passed, M failed`. SIGINT and SIGTERM end what runs, and nothing more begins.
 *
 * @param args the name of a layer, if only one is to run, and what mocha is to be told besides
 * @returns 0 when nothing failed
 * @throws UsageError when there is no such layer
 * @throws RootNeeded when a lab is needed and this user may not build one
 */
export async function test([name, ...options]: readonly string[]): Promise<number> {
  if (name === undefined || NEEDING_RIGHTS.includes(name))
    await requireLabRights(
      "sudo npm test (test:unit, test:provider, test:etcd and test:operator work without)",
    );
  const outcome = name === undefined ? await everything() : await runLayer(named(name), options);
  console.log(summary(outcome));
  return outcome.failures.length === 0 ? 0 : 1;
}

async function everything(): Promise<Outcome> {
  await setUp();
  // What is built before ends at once by the signal itself.
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => stop.abort(`ended by ${signal}`));
  let all = await checkSources(stop.signal);
  for (const group of GROUPS)
    if (!stop.signal.aborted) all = add(all, await runTogether(group, LANES, stop.signal));
  return stop.signal.aborted ? add(all, failed("all tests", String(stop.signal.reason))) : all;
}

function named(name: string): Layer {
  const layer = LAYERS.find((one) => one.name === name);
  if (layer) return layer;
  throw new UsageError({
    expected: `a layer of the tests: ${LAYERS.map((one) => one.name).join(", ")}`,
    found: name,
    next: "npm test runs all of them",
  });
}

async function checkSources(stop: AbortSignal): Promise<Outcome> {
  let outcome = NOTHING;
  // Biome keeps its notes where XDG_CACHE_HOME says; they belong into our folder like everything else.
  const env = { ...process.env, XDG_CACHE_HOME: cacheRoot() };
  for (const { name, program, args } of CHECKS) {
    if (stop.aborted) break;
    const start = Date.now();
    const file = join(PROJECT_ROOT, "node_modules", program);
    const status = await foreground(process.execPath, [file, ...args], env);
    const passed = status === 0;
    say(`check of ${name}: ${passed ? "passed" : "failed"} in ${duration(Date.now() - start)}`);
    outcome = add(outcome, passed ? PASSED : failed(`check of ${name}`, "its words are at the beginning"));
  }
  return outcome;
}

async function prepareEtcd(): Promise<NodeJS.ProcessEnv> {
  await etcd();
  return process.env;
}

async function prepareKubernetes(): Promise<NodeJS.ProcessEnv> {
  const found = await engine();
  await kubernetesPrograms();
  await kubernetesPlugin();
  return prepareEnvironment(found);
}

async function prepareOperator(): Promise<NodeJS.ProcessEnv> {
  await promtool();
  await chromium();
  return process.env;
}

async function prepareLab(): Promise<NodeJS.ProcessEnv> {
  await labLayer();
  // kube-proxy runs on directors of a lab, beside a control plane of its own.
  await kubernetesPrograms();
  await ipsetLayer();
  return process.env;
}

async function preparePulumi(): Promise<NodeJS.ProcessEnv> {
  const found = await engine();
  await labLayer();
  // The benches are among these tests, in small sizes.
  await kubernetesPrograms();
  await ipsetLayer();
  await kubelet();
  // Each run of the engine starts two programs anew; what compiles them is kept, as it is for the compiler.
  const cache = join(cacheRoot(), "node-compile-cache");
  return { ...(await prepareEnvironment(found)), NODE_COMPILE_CACHE: cache };
}

function compiled(layer: string): string {
  return join(PROJECT_ROOT, "dist", "test", layer);
}
