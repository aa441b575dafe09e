import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { foreground } from "./command";
import { engine } from "./engine";
import { prepareEnvironment, STACK } from "./environment";
import { SetupError } from "./errors";
import { labLayer } from "./lab-packages";
import { requireLabRights } from "./privileges";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "./project";
import { say } from "./report";
import { schemathesis } from "./schemathesis";

/** Something real is still recorded in the project's own backend, and would be forgotten. */
export class StateInUse extends SetupError {}

/** Fetches everything that the quickstart and the tests need. @returns the environment for child processes */
export async function setUp(): Promise<NodeJS.ProcessEnv> {
  const found = await engine();
  await labLayer();
  const env = await prepareEnvironment(found);
  say("ready; for plain pulumi commands in this shell: . .heye/env");
  return env;
}

/** Set-up, then the demonstration. @returns its exit status */
export async function quickstart(args: readonly string[]): Promise<number> {
  // Before minutes are spent on fetching what could not be used.
  await requireLabRights(
    "sudo npm run quickstart (npm run setup, test:unit, test:provider, test:etcd and test:operator work without)",
  );
  const env = await setUp();
  return foreground(process.execPath, [compiled("examples", "quickstart", "demo.js"), ...args], env);
}

/** The `heye` command of this checkout, in the project's environment. @returns its exit status */
export async function heye(args: readonly string[]): Promise<number> {
  return foreground(process.execPath, [compiled("cli", "index.js"), ...args], process.env);
}

/** Writes docs/reference.md anew from the sources. @returns its exit status */
export async function docs(): Promise<number> {
  return foreground(process.execPath, [compiled("docs", "reference", "main.js")], process.env);
}

/** Set-up, then measurements against peers. @returns their exit status */
export async function bench(args: readonly string[]): Promise<number> {
  if (!args.includes("--list")) await requireLabRights("sudo npm run bench");
  const env = args.includes("--list") ? process.env : await setUp();
  return foreground(process.execPath, [compiled("bench", "index.js"), ...args], env);
}

/** Set-up, then schedules of faults on a lab. @returns their exit status */
export async function chaos(args: readonly string[]): Promise<number> {
  await requireLabRights("sudo npm run chaos");
  await labLayer();
  return foreground(process.execPath, [compiled("test", "chaos", "main.js"), ...args], process.env);
}

/** Set-up of what it needs, then a long run of generated requests against an agent's API. @returns its exit status */
export async function apiFuzz(args: readonly string[]): Promise<number> {
  await schemathesis();
  return foreground(process.execPath, [compiled("test", "fuzz", "main.js"), ...args], process.env);
}

/**
 * Takes every lab down and removes what the project keeps at run time; the cache stays.
 *
 * @returns the exit status of `heye lab down`, 0 where there was nothing to do
 * @throws StateInUse when there is a stack other than the quickstart's
 */
export async function down(): Promise<number> {
  await refuseForgetting();
  const cli = compiled("cli", "index.js");
  if (await exists(cli)) {
    const status = await foreground(process.execPath, [cli, "lab", "down", "--all"], process.env);
    if (status !== 0) return status;
  }
  await rm(RUNTIME_FOLDER, { recursive: true, force: true });
  await rm(join(PROJECT_ROOT, `Pulumi.${STACK}.yaml`), { force: true });
  say("everything is down; nothing is left but the cache, and node_modules and dist in this clone");
  return 0;
}

/** The quickstart's stack describes the lab, which goes too. Any other one may describe machines of the user. */
async function refuseForgetting(): Promise<void> {
  const stacks = join(RUNTIME_FOLDER, "pulumi", ".pulumi", "stacks");
  const files = await readdir(stacks, { recursive: true }).catch(() => []);
  for (const file of files) {
    if (!file.endsWith(".json") || file === join("heye-quickstart", `${STACK}.json`)) continue;
    const count = resourceCount(await readFile(join(stacks, file), "utf8"));
    const [project = "", stack = ""] = file.slice(0, -".json".length).split("/");
    // An empty one too: the passphrase that its configuration is encrypted with would be gone.
    throw new StateInUse({
      expected: "no stack but the quickstart's in this project's backend",
      found: `stack ${stack} of project ${project} with ${count} resources`,
      next: `in that project's folder, with .heye/env read in: pulumi destroy --stack ${stack} && pulumi stack rm ${stack}; or take it elsewhere first (pulumi stack export)`,
    });
  }
}

/** How many resources the text of a state file records, its stack and providers not counted. */
export function resourceCount(state: string): number {
  const parsed = JSON.parse(state) as {
    checkpoint?: { latest?: { resources?: { type?: string }[] | null } | null };
  };
  const resources = parsed.checkpoint?.latest?.resources ?? [];
  return resources.filter(
    ({ type }) => type !== "pulumi:pulumi:Stack" && type?.startsWith("pulumi:providers:") !== true,
  ).length;
}

function compiled(...path: string[]): string {
  return join(PROJECT_ROOT, "dist", ...path);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
