import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { run } from "./command";
import type { Engine } from "./engine";
import { withLock } from "./lock";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "./project";
import { step } from "./report";

/** The stack that plain `pulumi` commands act on after the set-up. */
export const STACK = "quickstart";

/** The name in Pulumi.yaml. */
const PROJECT = "heye-quickstart";

/** The variables that the set-up adds to an environment, by name; PATH is apart, because it is extended. */
export interface ProjectEnvironment {
  /** Folders to put before those of PATH. */
  readonly path: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * What `pulumi` and `node` need in order to work in this project: a backend in a folder of the project, with a
 * passphrase of its own. No login, no cloud, and nothing of the user's own Pulumi set-up is read or changed.
 *
 * @param runtime the folder for all that
 */
export function projectEnvironment(engine: Engine, runtime: string = RUNTIME_FOLDER): ProjectEnvironment {
  return {
    path: [dirname(process.execPath), engine.bin],
    variables: {
      PULUMI_HOME: join(runtime, "pulumi-home"),
      PULUMI_BACKEND_URL: `file://${join(runtime, "pulumi")}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: join(runtime, "passphrase"),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      // The set-up has checked the types; checking them again would add 2 s to every command.
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
      // Where Pulumi's host can't be reached, looking for a plugin there would only cost time.
      ...(engine.fetchesPlugins ? {} : { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" }),
    },
  };
}

/** `base` with the project's variables, for a child process. */
export function withProject(base: NodeJS.ProcessEnv, project: ProjectEnvironment): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...base, ...project.variables };
  env.PATH = [...project.path, base.PATH ?? ""].join(delimiter);
  // Takes precedence over the file, and belongs to another project of the user.
  delete env.PULUMI_CONFIG_PASSPHRASE;
  return env;
}

/** The environment as a file for `. .heye/env` in any POSIX shell. */
export function shellFile(project: ProjectEnvironment): string {
  const lines = Object.entries(project.variables).map(
    ([name, value]) => `export ${name}=${shellWord(value)}`,
  );
  const path = project.path.map(shellWord).join(delimiter);
  return [
    "# Written by the set-up; read it into a shell with: . .heye/env",
    "unset PULUMI_CONFIG_PASSPHRASE",
    `export PATH=${path}${delimiter}"$PATH"`,
    ...lines,
    "",
  ].join("\n");
}

/** A word that a shell reads as exactly `text`. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Makes the project's environment real: its folders, the passphrase (random, once), the file `.heye/env`
 * (readable by the owner only) and the selected stack. Whoever does it at the same time waits.
 *
 * @param root the folder with Pulumi.yaml
 * @returns the environment for child processes
 */
export async function prepareEnvironment(
  engine: Engine,
  root: string = PROJECT_ROOT,
): Promise<NodeJS.ProcessEnv> {
  const runtime = join(root, ".heye");
  await mkdir(runtime, { recursive: true, mode: 0o700 });
  await mkdir(join(runtime, "pulumi"), { recursive: true });
  return withLock(join(runtime, "environment.lock"), "the project's environment", async () => {
    await writeOnce(join(runtime, "passphrase"), `${randomBytes(24).toString("base64url")}\n`);
    const project = projectEnvironment(engine, runtime);
    await replace(join(runtime, "env"), shellFile(project));
    const env = withProject(process.env, project);
    if (!(await stackIsSelected(runtime))) await selectStack(root, env);
    return env;
  });
}

async function selectStack(root: string, env: NodeJS.ProcessEnv): Promise<void> {
  await step(`selecting the stack ${STACK}`, () =>
    run("pulumi", ["stack", "select", STACK, "--create", "--non-interactive"], { cwd: root, env }),
  );
}

/**
 * Whether the stack exists and some stack is selected; which one is the user's choice. Read from files, because
 * asking the engine costs half a second each time.
 */
async function stackIsSelected(runtime: string): Promise<boolean> {
  const state = join(runtime, "pulumi", ".pulumi", "stacks", PROJECT, `${STACK}.json`);
  const [exists, selections] = await Promise.all([
    stat(state).then(
      () => true,
      () => false,
    ),
    readdir(join(runtime, "pulumi-home", "workspaces")).catch(() => []),
  ]);
  return exists && selections.some((name) => name.startsWith(`${PROJECT}-`));
}

async function writeOnce(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** Replaces a file as a whole, so that nobody ever reads half of it. */
async function replace(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, file);
}
