import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";
import { Cluster } from "./cluster";

after(() => Cluster.stopShared());

const FILE = join(PROJECT_ROOT, "deploy", "kubernetes", "heye-kubernetes.yaml");

describe("the manifest", () => {
  it("is taken by the API server as it is, without a warning", async () => {
    const cluster = await Cluster.shared();
    const text = readFileSync(FILE, "utf8");
    const said = await cluster.kubectl(
      ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"],
      text,
    );
    // The cluster of the tests was made of the same data.
    const lines = said.trim().split("\n");
    assert.equal(lines.length, text.split("\n---\n").length);
    for (const line of lines) assert.match(line, / (unchanged|configured) \(server dry run\)$/);
  });

  it("of a controller with directors is taken too", async () => {
    const cluster = await Cluster.shared();
    const text = readFileSync(FILE.replace(".yaml", "-directors.yaml"), "utf8");
    const said = await cluster.kubectl(
      ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"],
      text,
    );
    assert.equal(said.trim().split("\n").length, text.split("\n---\n").length);
  });

  it("lets the controller do what it does, and nothing with Secrets, Pods, nodes or other Leases", async () => {
    const cluster = await Cluster.shared();
    const may = async (...words: string[]) => {
      const as = ["--as", "system:serviceaccount:heye-system:heye-kubernetes"];
      return (
        await cluster
          .kubectl(["auth", "can-i", ...words, ...as])
          .catch((error: { stdout?: string }) => error.stdout ?? "")
      ).trim();
    };
    assert.equal(await may("patch", "endpoints", "-n", "default"), "yes");
    for (const lease of ["heye-kubernetes", "heye-kubernetes-member-1", "heye-kubernetes-member-8"])
      assert.equal(await may("update", `leases/${lease}`, "-n", "heye-system"), "yes");
    for (const words of [
      ["get", "secrets", "-n", "default"],
      ["list", "pods", "-n", "default"],
      ["list", "nodes"],
      ["update", "services", "-n", "default"],
      // Where directors are named alone.
      ["patch", "services", "-n", "default"],
      ["list", "configmaps", "-n", "heye-system"],
      ["delete", "endpoints", "-n", "default"],
      ["update", "leases/other", "-n", "heye-system"],
      ["delete", "leases/heye-kubernetes-member-1", "-n", "heye-system"],
      ["list", "leases", "-n", "default"],
      ["update", "leases/heye-kubernetes", "-n", "default"],
      ["escalate", "clusterroles"],
    ])
      assert.equal(await may(...words), "no", words.join(" "));
  });
});
