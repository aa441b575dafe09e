import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "../setup/project";
import { BenchError } from "./bench";
import { MODULES } from "./programs/modules";
import { timed } from "./rounds";
import { type Role, type Usage, UsageWatch } from "./usage";

/** What one command of `pulumi` took. */
export interface Run {
  /** Seconds from the start of the command to its end. */
  readonly s: number;
  readonly usage: Readonly<Record<Role, Usage>>;
}

/** A resource in a state file. */
export interface StateResource {
  readonly type: string;
  readonly urn: string;
}

/** Compiled programs, in `programs/`. */
export type ProgramName = "separate" | "inline" | "noop" | "commands";

const PROJECT = "heye-bench";
const STACK = "bench";
/** Those that matter to a run's time; the same for us and for the peers. */
const QUIET = ["--non-interactive", "--color", "never", "--suppress-progress", "--suppress-outputs"];

/**
 * A program in a folder of its own, with a backend of its own, run by the `pulumi` command as people run it. (The
 * Automation API asks the engine for outputs and history after each operation, which would be measured too.)
 */
export class BenchStack {
  private constructor(
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * @param parameters what the program reads
   * @param checkpoints false: Pulumi's experimental way not to write its whole state after every step
   */
  static async create(program: ProgramName, parameters: object, checkpoints: boolean): Promise<BenchStack> {
    await mkdir(RUNTIME_FOLDER, { recursive: true });
    // Inside the project, so that the provider process finds the package from its working directory upwards.
    const folder = await mkdtemp(join(RUNTIME_FOLDER, "bench-"));
    const backend = join(folder, "backend");
    await mkdir(backend);
    await writeProgram(folder, program);
    const stack = new BenchStack(folder, {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE: "bench",
      ...(checkpoints ? {} : { PULUMI_EXPERIMENTAL: "1", PULUMI_SKIP_CHECKPOINTS: "true" }),
    });
    await stack.use(parameters);
    await stack.#pulumi(["stack", "init", STACK, "--non-interactive"]);
    return stack;
  }

  /** Gives the program other parameters. */
  async use(parameters: object): Promise<void> {
    await writeFile(join(this.folder, "parameters.json"), JSON.stringify(parameters), { mode: 0o600 });
  }

  /** @param parallel how many resources the engine works on at a time; absent: as many as it does by itself */
  up(parallel?: number): Promise<Run> {
    const at = parallel === undefined ? [] : ["--parallel", String(parallel)];
    return this.#measured(["up", "--yes", "--skip-preview", ...at, ...QUIET]);
  }

  preview(): Promise<Run> {
    return this.#measured(["preview", ...QUIET]);
  }

  refresh(): Promise<Run> {
    return this.#measured(["refresh", "--yes", "--skip-preview", ...QUIET]);
  }

  /** What the state file records, and its size. */
  async state(): Promise<{ readonly bytes: number; readonly resources: readonly StateResource[] }> {
    const file = join(this.folder, "backend", ".pulumi", "stacks", PROJECT, `${STACK}.json`);
    const text = await readFile(file, "utf8");
    const { checkpoint } = JSON.parse(text) as {
      checkpoint: { latest?: { resources?: StateResource[] } };
    };
    return { bytes: Buffer.byteLength(text), resources: checkpoint.latest?.resources ?? [] };
  }

  /** Forgets the stack; what it made on directors stays there. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #measured(args: readonly string[]): Promise<Run> {
    const watch = new UsageWatch();
    try {
      const { s } = await timed(() => this.#pulumi(args));
      return { s, usage: watch.stop() };
    } finally {
      watch.stop();
    }
  }

  async #pulumi(args: readonly string[]): Promise<void> {
    const child = spawn("pulumi", args, {
      cwd: this.folder,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
      });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new BenchError(`pulumi ${args.join(" ")}: status ${code}\n${output.slice(-4000)}`);
  }
}

/** A folder as a user's is, but that its program is compiled already. */
async function writeProgram(folder: string, program: ProgramName): Promise<void> {
  const compiled = join(PROJECT_ROOT, "dist", "bench", "programs");
  const runtime = "runtime: { name: nodejs, options: { typescript: false } }";
  await writeFile(join(folder, "Pulumi.yaml"), `name: ${PROJECT}\n${runtime}\nmain: index.js\n`);
  await writeFile(
    join(folder, "package.json"),
    '{ "name": "heye-bench", "private": true, "main": "index.js" }\n',
  );
  await writeFile(join(folder, "index.js"), `require(${JSON.stringify(join(compiled, `${program}.js`))});\n`);
  for (const [name, file] of Object.entries(MODULES)) {
    const module = join(folder, "node_modules", name);
    await mkdir(module, { recursive: true });
    await writeFile(
      join(module, "index.js"),
      `module.exports = require(${JSON.stringify(join(compiled, file))});\n`,
    );
  }
}
