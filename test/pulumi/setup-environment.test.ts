import { deepEqual, equal, match } from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../setup/command";
import { engine } from "../../setup/engine";
import { prepareEnvironment } from "../../setup/environment";
import { PROJECT_ROOT } from "../../setup/project";

/** The set-up's promise: after it, plain pulumi commands work in the project, for whoever reads `.heye/env`. */
describe("the project's environment with the real engine", () => {
  let root = "";

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "heye's project "));
    await copyFile(join(PROJECT_ROOT, "Pulumi.yaml"), join(root, "Pulumi.yaml"));
    await symlink(join(PROJECT_ROOT, "node_modules"), join(root, "node_modules"));
    const program = join(root, "examples", "quickstart", "index.ts");
    await mkdir(dirname(program), { recursive: true });
    await writeFile(
      program,
      'import * as pulumi from "@pulumi/pulumi";\nexport const stack: string = pulumi.getStack();\n',
    );
  });

  after(() => rm(root, { recursive: true, force: true }));

  const shell = (command: string): Promise<string> =>
    run("sh", ["-c", `. .heye/env; ${command}`], { cwd: root });

  it("is prepared once by several at the same time", async () => {
    const found = await engine();
    const environments = await Promise.all([1, 2, 3].map(() => prepareEnvironment(found, root)));
    deepEqual(environments[1], environments[0]);
    const stacks = JSON.parse(await shell("pulumi stack ls --json")) as { name: string; current: boolean }[];
    deepEqual(
      stacks.map(({ name, current }) => ({ name, current })),
      [{ name: "quickstart", current: true }],
    );
  });

  it("keeps secrets to their owner", async () => {
    for (const name of ["env", "passphrase"])
      equal((await stat(join(root, ".heye", name))).mode & 0o777, 0o600, name);
    equal((await stat(join(root, ".heye"))).mode & 0o777, 0o700);
  });

  it("lets plain pulumi preview, up, refresh and destroy work", async () => {
    match(await shell("pulumi preview"), /stack: +"quickstart"/);
    await shell("pulumi up --yes");
    equal((await shell("pulumi stack output stack")).trim(), "quickstart");
    await shell("pulumi refresh --yes");
    await shell("pulumi destroy --yes");
  });

  it("writes nothing beside the runtime folder but the stack's settings", async () => {
    const names = (await readdir(root)).sort();
    deepEqual(names, [".heye", "Pulumi.quickstart.yaml", "Pulumi.yaml", "examples", "node_modules"]);
  });
});
