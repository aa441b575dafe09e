import { dumpYaml } from "@kubernetes/client-node";
import { type ManifestOptions, manifest } from "./manifest";

/** Where the manifest lies for `kubectl apply`, from the project's root. */
export const MANIFEST_FILE = "deploy/kubernetes/heye-kubernetes.yaml";

/** The same for a controller with directors; their URLs are for the user to put in. */
export const DIRECTORS_MANIFEST_FILE = "deploy/kubernetes/heye-kubernetes-directors.yaml";

/** What stands in {@link DIRECTORS_MANIFEST_FILE} in place of directors. */
export const EXAMPLE_DIRECTORS = ["https://lb1.example:9443", "https://lb2.example:9443"] as const;

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
