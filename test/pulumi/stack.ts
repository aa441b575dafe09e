import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type EngineEvent,
  LocalWorkspace,
  type OpMap,
  type PulumiFn,
  type Stack,
} from "@pulumi/pulumi/automation";
import { PROJECT_ROOT } from "../../setup/project";
import { InlineProgram } from "./inline-program";

/** What an operation did, or why it did not. */
export interface Outcome {
  readonly ok: boolean;
  /** Everything the engine printed. */
  readonly output: string;
  /** Steps by kind, `same` left out. */
  readonly steps: Readonly<Record<string, number>>;
  readonly events: readonly EngineEvent[];
}

/** What a stack's state file holds. */
export interface State {
  readonly text: string;
  readonly resources: readonly {
    readonly urn: string;
    readonly type: string;
    readonly inputs: Readonly<Record<string, unknown>>;
    readonly outputs: Readonly<Record<string, unknown>>;
  }[];
}

const PROJECT = "heye-test";

/** A stack on a backend of its own inside the project, driven by the real engine. */
export class TestStack {
  private constructor(
    private readonly stack: Stack,
    private readonly inline: InlineProgram,
    private readonly folder: string,
  ) {}

  static async create(name: string): Promise<TestStack> {
    // Inside the project: the provider process finds the package from its working directory upwards.
    await mkdir(join(PROJECT_ROOT, ".heye"), { recursive: true });
    const folder = await mkdtemp(join(PROJECT_ROOT, ".heye", "test-stack-"));
    await mkdir(join(folder, "backend"));
    const inline = new InlineProgram();
    const stack = await LocalWorkspace.createStack(
      { stackName: name, projectName: PROJECT, program: inline.main },
      {
        workDir: folder,
        envVars: {
          PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`,
          PULUMI_CONFIG_PASSPHRASE: "test",
        },
      },
    );
    // Asked for after each operation, by two or three more runs of the command; nobody here looks at them.
    stack.info = async () => undefined;
    stack.outputs = async () => ({});
    return new TestStack(stack, inline, folder);
  }

  /** `pulumi up`, or `pulumi up --replace URN...`. */
  up(program: PulumiFn, replace: string[] = []): Promise<Outcome> {
    return this.inline.during(() => outcomeOf((options) => this.stack.up({ ...options, replace })), program);
  }

  /** `pulumi preview --diff`. */
  preview(program: PulumiFn): Promise<Outcome> {
    return this.inline.during(
      () => outcomeOf((options) => this.stack.preview({ ...options, diff: true })),
      program,
    );
  }

  /** `pulumi refresh`. */
  refresh(): Promise<Outcome> {
    return this.inline.during(() => outcomeOf((options) => this.stack.refresh(options)));
  }

  /** `pulumi destroy`: from the state alone. */
  destroy(): Promise<Outcome> {
    return this.inline.during(() => outcomeOf((options) => this.stack.destroy(options)));
  }

  /** The state as the backend keeps it, secrets encrypted. (An export of the Automation API shows them.) */
  async state(): Promise<State> {
    const text = await readFile(this.#file, "utf8");
    const { checkpoint } = JSON.parse(text) as {
      checkpoint: { latest?: { resources?: State["resources"] } };
    };
    return { text, resources: checkpoint.latest?.resources ?? [] };
  }

  /** Makes of the state what an older package, say, would have left. */
  async rewrite(change: (text: string) => string): Promise<void> {
    const file = this.#file;
    const before = await readFile(file, "utf8");
    const after = change(before);
    if (after === before) throw new Error("nothing of the state has changed");
    await writeFile(file, after);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.folder, "backend", ".pulumi", "stacks", PROJECT, `${this.stack.name}.json`);
  }
}

/** What an operation of the Automation API is told by those who watch it. */
export type Operation = (options: {
  onOutput: (text: string) => void;
  onError: (text: string) => void;
  onEvent: (event: EngineEvent) => void;
  color: "never";
}) => Promise<unknown>;

/** Runs an operation to its end, good or bad. */
export async function outcomeOf(operation: Operation): Promise<Outcome> {
  const events: EngineEvent[] = [];
  let output = "";
  const print = (text: string) => {
    output += text;
  };
  const options = {
    onOutput: print,
    onError: print,
    onEvent: (event: EngineEvent) => events.push(event),
    color: "never" as const,
  };
  const ok = await operation(options).then(
    () => true,
    (error: unknown) => {
      output += String(error);
      return false;
    },
  );
  return { ok, output, steps: stepsOf(events), events };
}

function stepsOf(events: readonly EngineEvent[]): Record<string, number> {
  const summary: OpMap = events.find((event) => event.summaryEvent)?.summaryEvent?.resourceChanges ?? {};
  return Object.fromEntries(Object.entries(summary).filter(([kind, count]) => kind !== "same" && count > 0));
}
