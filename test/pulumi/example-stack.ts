import { copyFile, cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type ConfigMap, LocalWorkspace, type OutputMap, type Stack } from "@pulumi/pulumi/automation";
import { PROJECT_ROOT } from "../../setup/project";
import { type Operation, type Outcome, outcomeOf } from "./stack";

/** Values of a stack's configuration as a program reads them; those in `secrets` are encrypted. */
export interface ExampleConfig {
  readonly values: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** A stack of a program in `examples/`, run by the real engine from a copy of its folder. */
export class ExampleStack {
  private constructor(
    private readonly stack: Stack,
    private readonly root: string,
    /** Where the program is. */
    readonly folder: string,
    /** What the engine needs besides this process's environment. */
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /**
   * @param name of the example
   * @param plugins what stands in for plugins that cannot be had here: names, and shell scripts beside this file
   */
  static async create(
    name: string,
    { values, secrets = {} }: ExampleConfig,
    plugins: Readonly<Record<string, string>> = {},
  ): Promise<ExampleStack> {
    // Inside the project, where the program finds its packages.
    await mkdir(join(PROJECT_ROOT, ".heye"), { recursive: true });
    const root = await mkdtemp(join(PROJECT_ROOT, ".heye", "example-"));
    const folder = join(root, name);
    await cp(join(PROJECT_ROOT, "examples", name), folder, { recursive: true });
    await mkdir(join(root, "backend"));
    const bin = join(root, "bin");
    await mkdir(bin);
    for (const [plugin, script] of Object.entries(plugins))
      await copyFile(join(PROJECT_ROOT, "test", "pulumi", script), join(bin, plugin));
    const envVars = {
      PATH: [bin, process.env.PATH ?? ""].join(delimiter),
      PULUMI_BACKEND_URL: `file://${join(root, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
    };
    const stack = await LocalWorkspace.createStack({ stackName: "prod", workDir: folder }, { envVars });
    await stack.setAllConfig({ ...plainValues(values), ...secretValues(secrets) }, true);
    return new ExampleStack(stack, root, folder, envVars);
  }

  /** Changes one value of the configuration. */
  async set(key: string, value: unknown): Promise<void> {
    await this.stack.setAllConfig(plainValues({ [key]: value }), true);
  }

  /** `pulumi up`. */
  up(): Promise<Outcome> {
    return outcomeOf((options) => this.stack.up(options));
  }

  /** `pulumi preview`, with policy packs if any are named. */
  preview(policyPacks: string[] = []): Promise<Outcome> {
    const run: Operation = (options) => this.stack.preview({ ...options, policyPacks });
    return outcomeOf(run);
  }

  /** `pulumi destroy`. */
  destroy(): Promise<Outcome> {
    return outcomeOf((options) => this.stack.destroy(options));
  }

  /** What the program exports. */
  outputs(): Promise<OutputMap> {
    return this.stack.outputs();
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Structured values as paths: `directors[0].name`. */
function plainValues(values: Readonly<Record<string, unknown>>): ConfigMap {
  return Object.fromEntries(
    Object.entries(values)
      .flatMap(([key, value]) => leaves(key, value))
      .map(([path, value]) => [path, { value }]),
  );
}

function secretValues(secrets: Readonly<Record<string, string>>): ConfigMap {
  return Object.fromEntries(Object.entries(secrets).map(([key, value]) => [key, { value, secret: true }]));
}

function leaves(path: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((one, index) => leaves(`${path}[${index}]`, one));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([key, one]) => leaves(`${path}.${key}`, one));
  return [[path, String(value)]];
}
