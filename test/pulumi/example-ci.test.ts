import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";
import { ExampleStack } from "./example-stack";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBxB0WnZpiB6dXVwjTsfZVgIBmMEHmDuNUuTnmbM4lTm";
const PLANTED = "planted-private-key";

/** No director of it can be reached: a preview asks none. */
const CONFIG = {
  values: {
    directors: [{ name: "lb1", connection: { host: "192.0.2.1", hostKey: KEY } }],
    servers: [
      { address: "10.20.1.2", weight: 2 },
      { address: "10.20.1.3", weight: 0 },
    ],
  },
  secrets: { sshKey: PLANTED },
};

describe("the example ci", () => {
  let stack: ExampleStack;
  let pack: string;
  beforeEach(async () => {
    stack = await ExampleStack.create("ci", CONFIG, {
      "pulumi-analyzer-policy-heye-test": "policy-runner.sh",
    });
    pack = join(stack.folder, "policy");
    await useTestRunner(pack);
  });
  afterEach(() => stack?.remove());

  it("lets a program pass that its policies have nothing against", async () => {
    const outcome = await stack.preview([pack]);
    assert.equal(outcome.ok, true, outcome.output);
    assert.deepEqual(outcome.steps, { create: 6 });
  });

  const refused: readonly [what: string, key: string, value: unknown, said: RegExp][] = [
    [
      "a pool in realServers that rests",
      "servers[0].weight",
      0,
      /inline-pool-serves.*no server of this pool/s,
    ],
    ["a pool of RealServers that rests", "echoWeight", 0, /separate-pools-serve.*no server of this pool/s],
    [
      "servers that nobody checks",
      "unchecked",
      true,
      /servers-are-checked.*healthCheck of 10\.20\.1\.2 is `none`/s,
    ],
  ];
  for (const [what, key, value, said] of refused) {
    it(`refuses ${what}`, async () => {
      await stack.set(key, value);
      const outcome = await stack.preview([pack]);
      assert.equal(outcome.ok, false, outcome.output);
      assert.match(outcome.output, said);
    });
  }

  const previewed = (...options: string[]) =>
    spawnSync("pulumi", ["preview", "--non-interactive", "--stack", "prod", "--color", "never", ...options], {
      cwd: stack.folder,
      env: { ...process.env, ...stack.env },
      encoding: "utf8",
    });

  it("says in a comment what a preview would do, why it is refused, and no secret", async () => {
    await stack.set("servers[0].weight", 0);
    const { status, stdout, stderr } = previewed("--json");
    assert.equal(status, 0, stderr);
    const judged = previewed("--policy-pack", pack);
    assert.notEqual(judged.status, 0, judged.stdout);
    const file = join(stack.folder, "policies.txt");
    await writeFile(file, judged.stdout);
    const comment = commentOn(stdout, file);
    assert.match(comment, /\| make \| VirtualServer `web` \|/);
    assert.match(comment, /\[mandatory\] +inline-pool-serves .*no server of this pool/s);
    assert.match(comment, /\n6 create\.\n$/);
    assert.ok(!comment.includes(PLANTED), comment);
  });

  it("says in a comment that the policies did not run, where they did not, and nothing of it where they had no objection", async () => {
    const { stdout } = previewed("--json");
    const file = join(stack.folder, "policies.txt");
    await writeFile(file, 'error: policy pack "policy" failed to start\n');
    assert.match(commentOn(stdout, file), /policies did not judge this/);
    await writeFile(file, previewed("--policy-pack", pack).stdout);
    assert.doesNotMatch(commentOn(stdout, file), /did not judge/);
    assert.doesNotMatch(commentOn(stdout), /did not judge/);
  });

  it("shows both values of what changes, and what the preview warned about", async () => {
    const inputs = (weight: number) => ({
      scheduler: "wrr",
      realServers: [{ address: "10.20.1.2", weight }],
      cluster: {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        ciphertext: `c${weight}`,
      },
    });
    const type = "pulumi-nodejs:dynamic/heye:VirtualServer";
    const step = {
      op: "update",
      urn: `urn:pulumi:prod::heye-ci::${type}::web`,
      oldState: { type, inputs: inputs(1) },
      newState: { type, inputs: inputs(3) },
    };
    const diagnostics = [{ message: "warning: VirtualServer web: mind the gap.", severity: "info#err" }];
    const text = JSON.stringify({ steps: [step], diagnostics, changeSummary: { update: 1 } });
    const comment = commentOn(text);
    assert.match(comment, /\| change \| VirtualServer `web` \| .*`realServers\[0\]\.weight`: `1` → `3`/);
    assert.match(comment, /`cluster`: a secret/);
    assert.match(comment, /mind the gap/);
    assert.doesNotMatch(comment, /c1|c3/);
  });

  it("has a workflow that runs what is there", async () => {
    const workflow = await readFile(join(PROJECT_ROOT, "examples", "ci", "preview.yaml"), "utf8");
    for (const file of ["comment.ts policies.txt", "policy"]) assert.ok(workflow.includes(` ${file}`), file);
  });
});

/** What comment.ts prints, told of a file with the policies' words or not. */
function commentOn(preview: string, ...policies: string[]): string {
  const script = join(PROJECT_ROOT, "dist", "examples", "ci", "comment.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...policies], {
    input: preview,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Has a copy of a policy pack run by policy-runner.sh, whatever language host the engine has. */
async function useTestRunner(pack: string): Promise<void> {
  const file = join(pack, "PulumiPolicy.yaml");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace("runtime: nodejs", "runtime: heye-test"));
}
