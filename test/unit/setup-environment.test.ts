import { deepEqual, equal, match, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resourceCount } from "../../setup/commands";
import { projectEnvironment, shellFile, shellWord, withProject } from "../../setup/environment";
import { duration } from "../../setup/report";
import { atLeast, parseVersion } from "../../setup/version";

describe("the project's environment", () => {
  const project = {
    path: ["/opt/it's node/bin", "/opt/pulumi"],
    variables: { PULUMI_HOME: '/home/o\'neill/x $(id) `id` \\ "q"', EMPTY: "" },
  };

  it("reads in sh as exactly what child processes get", () => {
    const print =
      'printf "%s\\n" "$PATH" "$PULUMI_HOME" "$EMPTY" "$(printenv PULUMI_CONFIG_PASSPHRASE || echo unset)"';
    const result = spawnSync("sh", ["-c", `${shellFile(project)}\n${print}`], {
      env: { PATH: "/usr/bin:/bin", PULUMI_CONFIG_PASSPHRASE: "of another project" },
      encoding: "utf8",
    });
    const child = withProject(
      { PATH: "/usr/bin:/bin", PULUMI_CONFIG_PASSPHRASE: "of another project" },
      project,
    );
    equal(result.status, 0, result.stderr);
    const expected = [child.PATH, child.PULUMI_HOME, child.EMPTY, child.PULUMI_CONFIG_PASSPHRASE ?? "unset"];
    deepEqual(result.stdout.split("\n").slice(0, 4), expected);
  });

  it("quotes what a shell would act on", () => {
    equal(shellWord("a'b"), `'a'\\''b'`);
  });

  it("keeps state, secrets and plugins in the project, without a login", () => {
    const { path, variables } = projectEnvironment({ bin: "/cache/pulumi/bin", fetchesPlugins: true });
    match(String(variables.PULUMI_BACKEND_URL), /^file:\/\/\/.*\/\.heye\/pulumi$/);
    match(String(variables.PULUMI_HOME), /\/\.heye\/pulumi-home$/);
    match(String(variables.PULUMI_CONFIG_PASSPHRASE_FILE), /\/\.heye\/passphrase$/);
    ok(path.includes("/cache/pulumi/bin"));
    equal(variables.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION, undefined);
  });

  it("does not look for plugins on a host that was out of reach", () => {
    const { variables } = projectEnvironment({ bin: "/cache/pulumi/bin", fetchesPlugins: false });
    equal(variables.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION, "true");
  });
});

describe("what down would forget", () => {
  const state = (...types: string[]): string =>
    JSON.stringify({ version: 3, checkpoint: { latest: { resources: types.map((type) => ({ type })) } } });

  it("is counted without the stack and the providers", () => {
    equal(resourceCount(state("pulumi:pulumi:Stack", "pulumi:providers:pulumi-nodejs")), 0);
    equal(resourceCount(state("pulumi:pulumi:Stack", "pulumi-nodejs:dynamic/heye:Cluster")), 1);
  });

  it("is nothing in a stack that was never updated", () => {
    equal(resourceCount('{"version":3,"checkpoint":{"latest":{}}}'), 0);
    equal(resourceCount('{"version":3,"checkpoint":{"latest":null}}'), 0);
    equal(resourceCount('{"version":3}'), 0);
  });
});

describe("versions and durations", () => {
  it("are read from what programs say", () => {
    deepEqual(parseVersion("v3.259.0\n"), [3, 259, 0]);
    deepEqual(parseVersion("go version go1.26 linux/amd64"), [1, 26, 0]);
    deepEqual(parseVersion("3.260.0-alpha.x3"), [3, 260, 0]);
    equal(parseVersion("unknown"), undefined);
  });

  it("are ordered part by part", () => {
    ok(atLeast([3, 259, 0], [3, 259, 0]));
    ok(atLeast([3, 300, 0], [3, 259, 9]));
    ok(!atLeast([3, 99, 9], [3, 259, 0]));
    ok(!atLeast([2, 999, 0], [3, 0, 0]));
  });

  it("are told as people read them", () => {
    deepEqual([400, 9_940, 12_300, 99_400, 271_000].map(duration), [
      "0.4 s",
      "9.9 s",
      "12 s",
      "99 s",
      "4 min 31 s",
    ]);
  });
});
