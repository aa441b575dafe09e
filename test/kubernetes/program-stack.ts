import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LocalWorkspace, type PulumiFn, type Stack } from "@pulumi/pulumi/automation";
import { kubernetesPlugin } from "../../setup";
import { RUNTIME_FOLDER } from "../../setup/project";
import { InlineProgram } from "../pulumi/inline-program";
import { type Outcome, outcomeOf } from "../pulumi/stack";

const PROJECT = "heye-kubernetes-test";
/** That of @pulumi/kubernetes in package.json: which plugin its resources ask for. */
const PACKAGE_VERSION = "4.34.2";

/** `plugins` of a Pulumi.yaml, so that the engine takes the plugin that is there. */
export async function pluginSettings() {
  return { providers: [{ name: "kubernetes", path: await kubernetesPlugin(), version: PACKAGE_VERSION }] };
}

/** A stack of a program that makes Kubernetes objects, on a backend of its own, driven by the real engine. */
export class ProgramStack {
  private constructor(
    private readonly stack: Stack,
    private readonly inline: InlineProgram,
    private readonly folder: string,
  ) {}

  /** @param kubeconfig of the cluster that the objects are made in */
  static async create(kubeconfig: string): Promise<ProgramStack> {
    await mkdir(RUNTIME_FOLDER, { recursive: true });
    const folder = await mkdtemp(join(RUNTIME_FOLDER, "test-program-"));
    await mkdir(join(folder, "backend"));
    const project = { name: PROJECT, runtime: "nodejs", plugins: await pluginSettings() };
    // YAML has JSON in it.
    await writeFile(join(folder, "Pulumi.yaml"), JSON.stringify(project));
    const inline = new InlineProgram();
    const stack = await LocalWorkspace.createStack(
      { stackName: "prod", projectName: PROJECT, program: inline.main },
      {
        workDir: folder,
        envVars: {
          PULUMI_BACKEND_URL: `file://${join(folder, "backend")}`,
          PULUMI_CONFIG_PASSPHRASE: "test",
          KUBECONFIG: kubeconfig,
        },
      },
    );
    return new ProgramStack(stack, inline, folder);
  }

  up(program: PulumiFn): Promise<Outcome> {
    return this.inline.during(() => outcomeOf((options) => this.stack.up(options)), program);
  }

  preview(program: PulumiFn): Promise<Outcome> {
    return this.inline.during(
      () => outcomeOf((options) => this.stack.preview({ ...options, diff: true })),
      program,
    );
  }

  refresh(): Promise<Outcome> {
    return this.inline.during(() => outcomeOf((options) => this.stack.refresh(options)));
  }

  destroy(): Promise<Outcome> {
    return this.inline.during(() => outcomeOf((options) => this.stack.destroy(options)));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** An outcome that has to be good; else what the engine printed is shown. */
export function succeeded(outcome: Outcome): Outcome {
  assert.ok(outcome.ok, outcome.output);
  return outcome;
}
