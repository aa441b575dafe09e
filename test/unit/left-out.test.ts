import assert from "node:assert/strict";
import { ConnectionLostError, type Director, NotCapableError, UnreachableError } from "../../director";
import { INSTALL_AGENT } from "../../director/agent-script";
import { EMPTY_REGISTRY, type Registration } from "../../director/registry";
import { renderSettings } from "../../director/settings-record";
import { CHANGE_SETTINGS } from "../../director/settings-script";
import { handlerFor } from "../../provider";
import { equip } from "../../provider/equip";
import type { Fleet } from "../../provider/fleet";
import type { InitialisationError } from "../../provider/handler";
import { observeNodes } from "../../provider/nodes";
import { survey, unsettle } from "../../provider/settlement";
import { unsharedWarnings } from "../../provider/unshared";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const SKIP = { unreachable: "skip" } as const;

/** A director as a Cluster sees it, without a network: its registry, and what its scripts report in turn. */
function stub(
  name: string,
  virtualServers: Record<string, Registration> = {},
  ...reports: string[]
): Director {
  const owners = { [ME.id]: { label: ME.label, virtualServers } };
  return {
    name,
    read: async () => ({ registry: { ...EMPTY_REGISTRY, owners } }),
    execute: async () => {
      const stdout = `heye 1 settings\n${reports.shift() ?? ""}end\n`;
      return { stdout, stderr: "", exitCode: 0 };
    },
  } as unknown as Director;
}

function failing(name: string, error: Error): Director {
  const fail = () => Promise.reject(error);
  return { name, read: fail, execute: fail } as unknown as Director;
}

const away = failing("d1", new UnreachableError("d1", "10.1.1.1:22", 1, "No route to host"));
const bare = failing("d2", new NotCapableError("d2", "there is no ipvsadm on its PATH", "Install it."));

describe("a director that is left out", () => {
  const counted = { code: "HEYE_ROLLOUT", message: /^1 of 2 directors failed:\n {2}director d2: / };

  it("is not counted among those that took part", async () => {
    const directors = [away, bare, stub("d3")];
    await assert.rejects(
      survey(directors, SKIP, ME, () => false),
      counted,
    );
    await assert.rejects(equip(directors, { ...SKIP, install: true }), counted);
    await assert.rejects(unsettle(directors, ME, "skip"), counted);
    const fleet = { of: () => directors } as unknown as Fleet;
    const state = { name: "edge", label: ME.label, directors: [], ...SKIP };
    await assert.rejects(async () => handlerFor("Cluster", fleet).delete(ME.id, state), counted);
  });

  it("is not counted where settings cannot be taken back on another one", async () => {
    const owners = { [ME.id]: { label: ME.label, modules: [], values: {} } };
    const record = renderSettings({ format: 1, owners, before: {} });
    const stuck = stub("d2", {}, record.replace(/^/gm, "file ").replace(/file $/, ""), "file nonsense\n");
    await assert.rejects(unsettle([away, stuck, stub("d3")], ME, "skip"), counted);
  });

  it("is counted where nobody answers: there is nothing to leave it out for", async () => {
    await assert.rejects(
      survey([away, bare], SKIP, ME, () => false),
      { message: /^2 of 2 directors failed:/ },
    );
  });
});

describe("a cluster whose settings may stand although it failed", () => {
  const SYSCTL = "sysctl net/ipv4/vs/sloppy_tcp 0\n";
  const declared = { name: "edge", label: ME.label, directors: [], settings: { sloppyTcp: true } };
  /** Its second answer, to the change, never comes. */
  const lost = () => {
    const one = stub("d1", {}, SYSCTL);
    const { execute } = one;
    let asked = 0;
    one.execute = (...given) =>
      asked++ === 0
        ? execute(...given)
        : Promise.reject(new ConnectionLostError("d1", "changing its settings", "it is gone"));
    return handlerFor("Cluster", { of: () => [one] } as unknown as Fleet);
  };

  it("is kept with what it was before, so that the next up repairs whatever the program says then", async () => {
    const state = { ...declared, settings: { sloppyTcp: false } };
    await assert.rejects(lost().update(ME.id, state, declared), (error: InitialisationError) => {
      assert.deepEqual([error.code, error.id, error.outputs], ["HEYE_INITIALISATION", ME.id, state]);
      return true;
    });
  });

  it("is not forgotten when it was new", async () => {
    await assert.rejects(lost().create(declared), { code: "HEYE_INITIALISATION" });
  });

  it("is not forgotten when its agents cannot be had, after its settings were set", async () => {
    const one = stub("d1", {}, SYSCTL, SYSCTL.replace("0", "1"));
    const { execute } = one;
    one.execute = async (script, ...given) => {
      if (script === INSTALL_AGENT) throw new NotCapableError("d1", "there is no Node", "Install it.");
      const { stdout, ...rest } = await execute(script, ...given);
      if (script !== CHANGE_SETTINGS) return { stdout, ...rest };
      return { stdout: stdout.replace("settings", "applied"), ...rest };
    };
    const handler = handlerFor("Cluster", { of: () => [one] } as unknown as Fleet);
    await assert.rejects(handler.create({ ...declared, mode: "agent" }), { code: "HEYE_INITIALISATION" });
  });
});

describe("virtual servers that only some directors of a cluster have registered", () => {
  const web = { resource: "web" } as Registration;
  const pool = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`tcp 192.0.2.1:${8000 + index}`, web]));

  it("are named at a refresh, with who has them, among those that answer", async () => {
    const directors = [away, stub("d2", pool(1)), stub("d3"), stub("d4")];
    const fleet = { of: () => directors } as unknown as Fleet;
    const said: string[] = [];
    const { error } = console;
    console.error = (text: string) => said.push(text);
    try {
      await handlerFor("Cluster", fleet).read(ME.id, { name: "edge", label: ME.label, directors: [] });
    } finally {
      console.error = error;
    }
    assert.match(
      said.join("\n"),
      /^warning: Cluster edge: registered on d2 and not on d3, d4: tcp 192\.0\.2\.1:8000 \(VirtualServer web\)\. /m,
    );
  });

  it("are none where all agree, and another cluster's do not count", async () => {
    const same = [stub("d1", pool(2)), stub("d2", pool(2))];
    assert.deepEqual((await observeNodes(same, {}, ME, () => undefined)).unshared, []);
    const others = [stub("d1", pool(2)), stub("d2")];
    assert.deepEqual((await observeNodes(others, {}, { ...ME, id: "me-2" }, () => undefined)).unshared, []);
  });

  it("are told together where the same directors have them, and not all by name", () => {
    const said = unsharedWarnings([
      { director: "d1", virtualServers: { ...pool(7), "udp 192.0.2.1:53": web } },
      { director: "d2", virtualServers: pool(7) },
      { director: "d3", virtualServers: {} },
    ]);
    assert.equal(said.length, 2);
    assert.match(
      said[0] ?? "",
      /^registered on d1, d2 and not on d3: tcp .*:8004 \(VirtualServer web\) and 2 more\. /,
    );
    assert.match(
      said[1] ?? "",
      /^registered on d1 and not on d2, d3: udp 192\.0\.2\.1:53 \(VirtualServer web\)\. /,
    );
  });
});
