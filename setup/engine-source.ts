import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { goBuild, withGoCaches } from "./go";
import { PROJECT_ROOT } from "./project";

/** The plugin that lets the engine run Node.js programs; a file beside `pulumi` in every distribution of it. */
export const LANGUAGE_HOST = "pulumi-language-nodejs";
/** The last SDK whose sources the Go module proxy serves together with the language host. */
const LANGUAGE_HOST_VERSION = "3.68.0";

/**
 * Builds the engine, the Node.js language host and the launcher of dynamic providers into `dir/bin`, from the
 * Go module proxy. Takes some minutes.
 *
 * @param version of the engine; go.mod under setup/go/engine names the same
 * @throws CommandFailed when a module can't be fetched or the build fails
 */
export async function buildEngine(dir: string, version: string): Promise<void> {
  const bin = join(dir, "bin");
  await mkdir(bin);
  const versionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
  await withGoCaches(async () => {
    await goBuild({
      what: "the Node.js language host",
      module: join(PROJECT_ROOT, "setup", "go", "language-nodejs"),
      main: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      variables: { [versionVariable]: `v${LANGUAGE_HOST_VERSION}` },
      output: join(bin, LANGUAGE_HOST),
    });
    await goBuild({
      what: "the Pulumi engine",
      module: join(PROJECT_ROOT, "setup", "go", "engine"),
      main: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      variables: { [versionVariable]: `v${version}` },
      output: join(bin, "pulumi"),
    });
  });
  const launcher = await readFile(join(PROJECT_ROOT, "setup", "dynamic-provider.sh"), "utf8");
  await writeFile(join(bin, "pulumi-resource-pulumi-nodejs"), launcher, { mode: 0o755 });
}
