import { stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cached } from "./cache";
import { goBuild, withGoCaches } from "./go";
import { PROJECT_ROOT } from "./project";

/** The plugin by which the engine makes Kubernetes objects. */
const PLUGIN = "pulumi-resource-kubernetes";
/** The newest whose sources the Go module proxy serves; go.mod under setup/go/kubernetes-plugin names the same. */
export const BUILT_VERSION = "2.0.0";
const MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v2";

/**
 * The folder with the plugin, for tests: that on PATH, else one that is built from the Go module proxy, which takes a minute.
 * The one that is built is years older than `@pulumi/kubernetes`: enough for plain objects, no match for what users run.
 *
 * @throws CommandFailed when a module can't be fetched or the build fails
 */
export async function kubernetesPlugin(): Promise<string> {
  const installed = await pluginOnPath(process.env.PATH ?? "");
  if (installed !== undefined) return installed;
  return cached({
    name: "kubernetes-plugin",
    version: BUILT_VERSION,
    what: `Pulumi's plugin for Kubernetes ${BUILT_VERSION}`,
    build,
  });
}

/**
 * The first folder of a search path that has the plugin.
 *
 * @param path folders as in PATH
 */
export async function pluginOnPath(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter))
    if (folder !== "" && (await isFile(join(folder, PLUGIN)))) return folder;
  return undefined;
}

async function build(dir: string): Promise<void> {
  await withGoCaches(() =>
    goBuild({
      what: "Pulumi's plugin for Kubernetes",
      module: join(PROJECT_ROOT, "setup", "go", "kubernetes-plugin"),
      main: `${MODULE}/cmd/${PLUGIN}`,
      variables: { [`${MODULE}/pkg/version.Version`]: `v${BUILT_VERSION}` },
      output: join(dir, PLUGIN),
    }),
  );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
