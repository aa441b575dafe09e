import { equal } from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT_VERSION, pluginOnPath } from "../../setup/kubernetes-plugin";
import { PROJECT_ROOT } from "../../setup/project";

describe("Pulumi's plugin for Kubernetes", () => {
  it("is built in the version that is written down", async () => {
    const file = join(PROJECT_ROOT, "setup", "go", "kubernetes-plugin", "go.mod");
    const [, version] = /provider\/v2 v(\S+)/.exec(await readFile(file, "utf8")) ?? [];
    equal(version, BUILT_VERSION);
  });

  it("is taken from PATH where it is there", async () => {
    const folder = await mkdtemp(join(tmpdir(), "heye-plugin-"));
    try {
      equal(await pluginOnPath(`/nonexistent::${folder}`), undefined);
      await writeFile(join(folder, "pulumi-resource-kubernetes"), "", { mode: 0o755 });
      equal(await pluginOnPath(`/nonexistent::${folder}`), folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
