import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configOf } from "../../kubernetes/kubeconfig";

const GIVEN = `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "http://localhost:8080" } }]
users: [{ name: u, user: {} }]
contexts: [{ name: one, context: { cluster: c, user: u } }, { name: two, context: { cluster: c, user: u } }]
current-context: one
`;

describe("how the API server is reached", () => {
  let folder: string;
  const before = { HOME: process.env.HOME, KUBECONFIG: process.env.KUBECONFIG };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "heye-kubeconfig-"));
    process.env.HOME = folder;
    delete process.env.KUBECONFIG;
  });
  afterEach(() => {
    for (const name of ["HOME", "KUBECONFIG"] as const)
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    rmSync(folder, { recursive: true });
  });

  it("is said by somebody: where nobody does, no server is made up", () => {
    const words = /^expected a kubeconfig in KUBECONFIG or .*found none: name a file with --kubeconfig$/;
    assert.throws(() => configOf(undefined, undefined), { message: words });
    assert.throws(() => configOf(undefined, "one"), { message: words });
  });

  it("is taken as it is given, and a file that cannot be read is named", () => {
    const file = join(folder, "config");
    assert.throws(() => configOf(file, undefined), { message: /^the kubeconfig cannot be read: .*config/ });
    writeFileSync(file, GIVEN);
    assert.equal(configOf(file, "two").getCurrentContext(), "two");
    process.env.KUBECONFIG = file;
    assert.equal(configOf(undefined, undefined).getCurrentCluster()?.server, "http://localhost:8080");
  });
});
