import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Director, Registry } from "../../director";
import { INSTALL_AGENT, REMOVE_AGENT } from "../../director/agent-script";
import {
  agentConfig,
  agentDrift,
  agentProgram,
  agentsLeft,
  mayHaveAgent,
  settleAgents,
} from "../../provider/agents";
import type { Sight } from "../../provider/settlement";
import { virtualServer } from "./agent-site";

const KEY = "tcp 192.0.2.1:80";

/** Directors on which agents are installed and removed, without any of it. */
class Site {
  readonly running = new Map<string, string>();
  readonly installed: string[] = [];
  readonly inputs: string[] = [];

  constructor(
    private readonly failing: readonly string[] = [],
    private readonly owners: Registry["owners"] = {},
  ) {}

  sights(...names: string[]): Sight[] {
    return names.map((name) => {
      const capabilities = { hasAgent: this.running.has(name) };
      return { director: this.director(name), registry: { owners: this.owners }, capabilities } as Sight;
    });
  }

  director(name: string): Director {
    const answer = (stdout: string) => ({ stdout: `heye 1 ${stdout}\n`, stderr: "", exitCode: 0 });
    const execute = async (script: string, input = "") => {
      if (script === INSTALL_AGENT) {
        this.installed.push(name);
        this.inputs.push(input);
        if (this.failing.includes(name)) return answer("failed\nits disk is full");
        this.running.set(name, input.split(" ", 2).join(" "));
        return answer("installed");
      }
      if (script === REMOVE_AGENT) return answer(this.running.delete(name) ? "removed" : "absent");
      const version = this.running.get(name);
      return answer(version === undefined ? "absent" : `runs ${version}`);
    };
    return { name, execute } as unknown as Director;
  }
}

const AGENT = { mode: "agent" } as const;
const SSH = { mode: "ssh" } as const;

describe("what is put on a director", () => {
  it("is there whole or not at all, when the connection is lost on the way", () => {
    const folder = mkdtempSync(join(tmpdir(), "heye-take-"));
    const [take = ""] = /^take\(\) \{[\s\S]*?\n?\}$/m.exec(INSTALL_AGENT) ?? [];
    const put = (input: string) =>
      spawnSync("sh", ["-c", `${take}\ntake 10 "$1" 600`, "sh", join(folder, "file")], { input }).status;
    try {
      assert.equal(put("0123456789 and what follows"), 0);
      assert.notEqual(put("01234"), 0);
      assert.equal(readFileSync(join(folder, "file"), "utf8"), "0123456789");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a cluster's agents", () => {
  it("are on no director when a turn to them fails on one", async () => {
    const site = new Site(["d3"]);
    const turn = settleAgents(site.sights("d1", "d2", "d3"), "me-1", AGENT, "ssh");
    await assert.rejects(turn, /d3: its agent could not be installed.*its disk is full/s);
    assert.deepEqual([...site.running.keys()], []);
  });

  it("stay where they were when an upgrade fails, which goes wave by wave", async () => {
    const site = new Site(["d1"]);
    for (const name of ["d1", "d2"]) site.running.set(name, "0.0.1+old");
    const rollout = { canary: 1, waveSize: 1 } as never;
    await assert.rejects(settleAgents(site.sights("d1", "d2"), "me-1", { ...AGENT, rollout }, "agent"), /d1/);
    assert.deepEqual([site.installed, [...site.running.keys()]], [["d1"], ["d1", "d2"]]);
  });

  it("are removed with the mode, but not from under another cluster that has it", async () => {
    const watched = { "other-1": { label: "b", virtualServers: { [KEY]: virtualServer([]) } } };
    const { healthCheck: _, ...unwatched } = virtualServer([]);
    const bare = { "other-1": { label: "b", virtualServers: { [KEY]: unwatched as never } } };
    const [shared, alone] = [new Site([], watched), new Site([], bare)];
    for (const site of [shared, alone]) site.running.set("d1", "x");
    await assert.rejects(
      settleAgents(shared.sights("d1"), "me-1", SSH, "agent"),
      /HEYE_AGENT_OWNS|keeps its table/,
    );
    await settleAgents(alone.sights("d1"), "me-1", SSH, "agent");
    assert.deepEqual([shared.running.size, alone.running.size], [1, 0]);
  });

  it("are removed from a director that was out of reach when the mode was changed, and left alone where there are none", async () => {
    const site = new Site();
    site.running.set("d2", "x");
    await settleAgents(site.sights("d1", "d2"), "me-1", SSH, "ssh");
    assert.equal(site.running.size, 0);
    assert.deepEqual(site.installed, []);
  });

  it("may stand where the cluster has them or had them, and nowhere else", () => {
    const directors = [{ name: "d1" }, { name: "d2" }];
    const allowed = (...given: Parameters<typeof mayHaveAgent>) =>
      ["d1", "d2", "d3"].filter(mayHaveAgent(...given));
    assert.deepEqual(allowed(AGENT), ["d1", "d2", "d3"]);
    assert.deepEqual(allowed(SSH), []);
    assert.deepEqual(allowed(SSH, { ...SSH, directors }), []);
    assert.deepEqual(allowed(SSH, { ...AGENT, directors }), ["d1", "d2"]);
    assert.deepEqual(allowed(SSH, { ...SSH, directors, agentsLeft: ["d2"] }), ["d2"]);
  });

  it("are remembered where they could not be removed; one that turns up on another director out of reach is not ours", () => {
    const directors = [{ name: "d1" }, { name: "d2" }];
    const behind = { d2: "could not be reached" };
    const left = (before: Parameters<typeof mayHaveAgent>[1], now: typeof behind | object = behind) =>
      agentsLeft(SSH, mayHaveAgent(SSH, before), { ...now });
    assert.deepEqual(left({ ...AGENT, directors }), ["d2"]);
    assert.deepEqual(left({ ...SSH, directors, agentsLeft: ["d2"] }), ["d2"]);
    assert.deepEqual(left({ ...SSH, directors, agentsLeft: ["d2"] }, {}), []);
    assert.deepEqual(left({ ...SSH, directors }), []);
    assert.deepEqual(
      agentsLeft(AGENT, () => true, behind),
      [],
    );
  });

  it("are missed by a refresh where they do not run, or are others", async () => {
    const site = new Site();
    const { version } = agentProgram();
    const director = site.director("d1");
    assert.equal(await agentDrift(director, undefined, false), undefined);
    const unwanted = "an agent keeps its table, and the cluster has the mode ssh";
    assert.equal(await agentDrift(director, undefined, true), unwanted);
    const wanted = { version, config: "" };
    assert.equal(await agentDrift(director, wanted, true), "its agent does not run");
    site.running.set("d1", "0.0.1+old");
    assert.equal(await agentDrift(director, wanted, true), `its agent is 0.0.1+old, not ${version}`);
    site.running.set("d1", version);
    assert.equal(await agentDrift(director, wanted, true), undefined);
  });

  it("start anew when they are told something else, and know their etcd's secrets by standard input alone", async () => {
    const site = new Site();
    const { version } = agentProgram();
    const told = (password: string) => ({
      ...AGENT,
      etcd: { endpoints: ["http://e:1"], auth: { user: "u", password } },
    });
    const settle = (wanted: Parameters<typeof settleAgents>[2]) =>
      settleAgents(site.sights("d1"), "me-1", wanted, "agent");
    await settle(AGENT);
    for (const wanted of [told("pw-1"), told("pw-1"), told("pw-2"), AGENT]) await settle(wanted);
    assert.equal(site.installed.length, 4, "the same once more is nothing to do");
    const last = (index: number) => site.inputs[index]?.trimEnd().split("\n").at(-1) ?? "";
    assert.deepEqual(JSON.parse(last(1)), {
      director: "d1",
      etcd: { ...told("pw-1").etcd, prefix: "/heye/me-1" },
    });
    assert.match(last(2), /pw-2/);
    assert.doesNotMatch(last(3), /pw/);
    const other = { version, config: agentConfig("me-1", told("pw-3"), "d1") };
    const said = await agentDrift(site.director("d1"), other, true);
    assert.equal(said, "its agent was told something else (agent.json) than the cluster says");
  });

  it("are said to be installed where they are, and told anew where nothing but that is done", async () => {
    const site = new Site();
    const { version } = agentProgram();
    const told = { ...AGENT, etcd: { endpoints: ["http://e:1"] } };
    const settle = (wanted: Parameters<typeof settleAgents>[2]) =>
      saidOf(() => settleAgents(site.sights("d1"), "me-1", wanted, "agent"));
    assert.deepEqual(await settle(AGENT), [`director d1: agent ${version} installed`]);
    assert.deepEqual(await settle(told), [`director d1: agent ${version} told anew`]);
    assert.deepEqual(await settle(told), []);
    assert.deepEqual(await settle(SSH), ["director d1: agent removed"]);
  });

  it("are not told something else that concerns other clusters without a word", async () => {
    const site = new Site([], { "other-1": { label: "shop/prod Cluster b", virtualServers: {} } });
    const { version } = agentProgram();
    const said = await warningsOf(async () => {
      await settleAgents(site.sights("d1"), "me-1", AGENT);
      site.running.set("d1", `${version} ${"0".repeat(64)}`);
      await settleAgents(site.sights("d1"), "me-1", AGENT);
      await settleAgents(site.sights("d1"), "me-1", AGENT, "agent");
    });
    assert.equal(said.length, 1, said.join("\n"));
    assert.match(
      said[0] ?? "",
      /^warning: director d1: its agent was told .* holds for shop\/prod Cluster b too/,
    );
  });

  it("of another cluster stay when a new one fails elsewhere, and who has told them something else says so", async () => {
    const site = new Site(["d2"], { "other-1": { label: "shop/prod Cluster b", virtualServers: {} } });
    site.running.set("d1", `${agentProgram().version} ${"0".repeat(64)}`);
    const rollout = { canary: 1, waveSize: 1 } as never;
    const said = await warningsOf(async () => {
      const settled = settleAgents(site.sights("d1", "d2"), "me-1", { ...AGENT, rollout });
      await assert.rejects(settled, /d2: its agent could not be installed/);
    });
    assert.match(said.join(), /director d1: .* holds for shop\/prod Cluster b too/);
    assert.deepEqual([...site.running.keys()], ["d1"]);
  });
});

async function saidOf(work: () => Promise<void>): Promise<string[]> {
  const [said, error] = [[] as string[], console.error];
  console.error = (text: string) => void said.push(text);
  try {
    await work();
  } finally {
    console.error = error;
  }
  return said;
}

async function warningsOf(work: () => Promise<void>): Promise<string[]> {
  return (await saidOf(work)).filter((one) => one.startsWith("warning: "));
}
