import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cached } from "./cache";
import { goBuild, withGoCaches } from "./go";
import { KUBERNETES_MODULE, KUBERNETES_VERSION, versionVariables } from "./kubernetes";

/** What it is made of besides Kubernetes itself: the cache keeps one for each content. */
const SOURCES = ["go.mod", "go.sum", join("kubelet", "main.go")] as const;

/**
 * A kubelet that runs no containers: Kubernetes' own code takes Pods, probes them and writes their status, on its own
 * stand-ins for a container runtime and cgroups, which cannot be had everywhere. setup/go/kubernetes/kubelet tells how it is run.
 *
 * @returns the path of the program
 * @throws CommandFailed when it cannot be built
 */
export async function kubelet(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of SOURCES) hash.update(await readFile(join(KUBERNETES_MODULE, name)));
  const folder = await cached({
    name: "kubelet",
    version: `${KUBERNETES_VERSION}-${hash.digest("hex").slice(0, 12)}`,
    what: `a kubelet of Kubernetes ${KUBERNETES_VERSION}, built from the Go module proxy (4 to 15 minutes, once)`,
    build: (dir) =>
      withGoCaches(() =>
        goBuild({
          what: "kubelet",
          module: KUBERNETES_MODULE,
          main: "./kubelet",
          variables: versionVariables(KUBERNETES_VERSION),
          output: join(dir, "kubelet"),
        }),
      ),
  });
  return join(folder, "kubelet");
}
