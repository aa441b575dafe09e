import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "../../setup/project";
import type { Declared } from "./programs/declared";

const QUIET = ["--non-interactive", "--color", "never"];

/** How a `pulumi` process ended. */
export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  /** All it printed. */
  readonly output: string;
}

/**
 * A program in a folder with a backend of its own, run by the `pulumi` command: a process that can be killed, which an
 * engine under the Automation API cannot without the test.
 */
export class ProgramFolder {
  readonly #running = new Set<RunningEngine>();

  private constructor(
    readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** @param stack its name */
  static async create(stack = "dev"): Promise<ProgramFolder> {
    await mkdir(RUNTIME_FOLDER, { recursive: true });
    // Inside the project, so that the provider process finds the package from its working directory upwards.
    const folder = await mkdtemp(join(RUNTIME_FOLDER, "test-program-"));
    await mkdir(join(folder, "backend"));
    const runtime = "runtime: { name: nodejs, options: { typescript: false } }";
    await writeFile(join(folder, "Pulumi.yaml"), `name: heye-test\n${runtime}\nmain: index.js\n`);
    await writeFile(
      join(folder, "package.json"),
      '{ "name": "heye-test", "private": true, "main": "index.js" }\n',
    );
    const program = join(PROJECT_ROOT, "dist", "test", "pulumi", "programs", "declared.js");
    await writeFile(join(folder, "index.js"), `require(${JSON.stringify(program)});\n`);
    const made = new ProgramFolder(folder, {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
    });
    await made.#succeeds("stack", "init", stack, "--non-interactive");
    return made;
  }

  /** Changes what the program declares. */
  async declare(declared: Declared): Promise<void> {
    await writeFile(join(this.folder, "declared.json"), JSON.stringify(declared), { mode: 0o600 });
  }

  /** `pulumi up`, as a process to be watched and killed. */
  startUp(): RunningEngine {
    return this.#start("up", "--yes", "--skip-preview", ...QUIET);
  }

  /** What `pulumi cancel` does where a run that was killed left the stack locked, without a second to start it. */
  async unlock(): Promise<void> {
    await rm(join(this.folder, "backend", ".pulumi", "locks"), { recursive: true, force: true });
  }

  /** `pulumi up`, also after a run that was killed. */
  async up(): Promise<Ended> {
    await this.unlock();
    return this.startUp().ended;
  }

  /** `pulumi preview`, which fails when there is anything to do. */
  previewNothing(): Promise<Ended> {
    return this.#start("preview", "--expect-no-changes", "--diff", ...QUIET).ended;
  }

  destroy(): Promise<Ended> {
    return this.#start("destroy", "--yes", "--skip-preview", ...QUIET).ended;
  }

  /** Ends what still runs and forgets the stack; what it made on directors stays there. */
  async remove(): Promise<void> {
    for (const engine of this.#running) {
      engine.kill("SIGKILL");
      await engine.ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #succeeds(...args: string[]): Promise<void> {
    const { code, output } = await this.#start(...args).ended;
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")}: status ${code}\n${output}`);
  }

  #start(...args: string[]): RunningEngine {
    const child = spawn("pulumi", args, {
      cwd: this.folder,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own, as a shell gives it: Ctrl-C reaches all of that.
      detached: true,
    });
    const engine = new RunningEngine(child);
    this.#running.add(engine);
    void engine.ended.finally(() => this.#running.delete(engine));
    return engine;
  }
}

/** A `pulumi` command that is running. */
export class RunningEngine {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #output = "";
  #hasEnded = false;
  readonly #listeners = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString("utf8");
        this.#tell();
      });
    this.ended = once(child, "exit").then(([code]) => {
      this.#hasEnded = true;
      this.#tell();
      return { code: code as number | null, output: this.#output };
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Resolves when it has printed something of that kind, or has ended: false. */
  printed(pattern: RegExp): Promise<boolean> {
    return new Promise((resolve) => {
      const look = () => {
        const found = pattern.test(this.#output);
        if (!found && !this.#hasEnded) return;
        this.#listeners.delete(look);
        resolve(found);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** SIGKILL ends the engine alone and at once; SIGINT goes to all its group, as Ctrl-C does. */
  kill(signal: "SIGKILL" | "SIGINT"): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#hasEnded) return;
    process.kill(signal === "SIGINT" ? -pid : pid, signal);
  }

  #tell(): void {
    for (const look of [...this.#listeners]) look();
  }
}
