import { dumpYaml } from "@kubernetes/client-node";
import { type ManifestOptions, manifest } from "./manifest";

/** Where the manifest lies for `kubectl apply`, from the project's root. */
export const MANIFEST_FILE = "deploy/kubernetes/heye-kubernetes.yaml";

const HEAD = `# The controller for Kubernetes; docs/kubernetes.md says what it does. Made by \`npm run docs\` of kubernetes/manifest.ts.
`;

/** The manifest as YAML. */
export function manifestText(options?: ManifestOptions): string {
  return (
    HEAD +
    manifest(options)
      .map((object) => dumpYaml(object, { noRefs: true, lineWidth: 110 }))
      .join("---\n")
  );
}
