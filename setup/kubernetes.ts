import { mkdir, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cached } from "./cache";
import { CommandFailed, ToolUnavailable } from "./errors";
import { etcd } from "./etcd";
import { goBuild, withGoCaches } from "./go";
import { PROJECT_ROOT } from "./project";

/** The Kubernetes that is built; go.mod under setup/go/kubernetes names the same. */
export const KUBERNETES_VERSION = "1.36.3";

/** The folder of the Go module that pins its sources. */
export const KUBERNETES_MODULE = join(PROJECT_ROOT, "setup", "go", "kubernetes");

/** What the tests run. An own kubectl is as good as one that is built. */
const PROGRAMS = ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kubectl"] as const;

/** Programs of Kubernetes, and etcd with them, by name: where each one is. */
export type KubernetesPrograms = Readonly<Record<(typeof PROGRAMS)[number] | "etcd", string>>;

/**
 * The control plane of Kubernetes as programs, for tests: each from the folder that KUBEBUILDER_ASSETS names, else from
 * PATH, else built from the Go module proxy, which takes 6 to 20 minutes, once.
 *
 * @throws ToolUnavailable when they can be neither found nor built
 */
export async function kubernetesPrograms(): Promise<KubernetesPrograms> {
  const folders = [process.env.KUBEBUILDER_ASSETS ?? "", ...(process.env.PATH ?? "").split(delimiter)];
  const found = await Promise.all(PROGRAMS.map((program) => firstIn(folders, program)));
  const missing = PROGRAMS.filter((_, index) => found[index] === undefined);
  const built = missing.length === 0 ? "" : join(await builtPrograms(), "bin");
  const places = PROGRAMS.map((program, index) => [program, found[index] ?? join(built, program)]);
  const withAssets = await firstIn(folders.slice(0, 1), "etcd");
  return {
    ...Object.fromEntries(places),
    etcd: withAssets ?? join(await etcd(), "etcd"),
  } as KubernetesPrograms;
}

function builtPrograms(): Promise<string> {
  return cached({
    name: "kubernetes",
    version: KUBERNETES_VERSION,
    what: `Kubernetes ${KUBERNETES_VERSION}, built from the Go module proxy (6 to 20 minutes, once)`,
    build,
  });
}

async function build(dir: string): Promise<void> {
  const bin = join(dir, "bin");
  await mkdir(bin);
  const variables = versionVariables(KUBERNETES_VERSION);
  try {
    await withGoCaches(async () => {
      for (const program of PROGRAMS) {
        const main = `k8s.io/kubernetes/cmd/${program}`;
        await goBuild({
          what: program,
          module: KUBERNETES_MODULE,
          main,
          variables,
          output: join(bin, program),
        });
      }
    });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new ToolUnavailable(
      {
        expected: `Kubernetes ${KUBERNETES_VERSION} from the Go module proxy`,
        found: error.explanation.found,
        next: `put ${PROGRAMS.join(", ")} into a folder that KUBEBUILDER_ASSETS names, as setup-envtest does; or: ${error.explanation.next}`,
      },
      { cause: error },
    );
  }
}

/** Clients and servers compare what they are told here; a program that does not know its version refuses to start. */
export function versionVariables(version: string): Readonly<Record<string, string>> {
  const [major = "", minor = ""] = version.split(".");
  const at = (name: string) => `k8s.io/component-base/version.${name}`;
  return {
    [at("gitVersion")]: `v${version}`,
    [at("gitMajor")]: major,
    [at("gitMinor")]: minor,
    [at("gitTreeState")]: "clean",
  };
}

async function firstIn(folders: readonly string[], program: string): Promise<string | undefined> {
  for (const folder of folders) {
    if (folder === "") continue;
    const path = join(folder, program);
    const isThere = await stat(path).then(
      (file) => file.isFile(),
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
