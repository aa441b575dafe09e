import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { handlerFor } from "../../provider";
import type { ClusterHandle } from "../../provider/fleet";
import type { Properties, ResourceHandler } from "../../provider/handler";
import { Site } from "./site";

const CHECK = {
  type: "http",
  path: "/health",
  ...{ intervalMs: 200, timeoutMs: 4_000, rise: 2, fall: 3, deadlineMs: 15_000 },
};
const COMMAND = "/var/lib/heye/agent/heye-agent";
const VS = "/v1/virtual-servers";
const API_WEB = `${VS}/tcp-192.0.2.10-80`;
const STACK_WEB = `${VS}/tcp-192.0.2.20-80`;
const URL = "http://192.0.2.10/";
const PATIENCE_MS = 20_000;

/** An answer as `heye-agent api` prints it. */
interface Answer {
  readonly code: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  readonly body: any;
}

describe("the API of agents, on a real kernel", () => {
  let site: Site;
  let clusters: ResourceHandler;
  let cluster: { id: string; state: Properties };
  let handle: ClusterHandle;

  before(async () => {
    site = await Site.up({ directors: 1, servers: 3, database: false });
    clusters = handlerFor("Cluster", site.fleet);
    const { inputs, problems } = clusters.check({
      ...{ name: "test", label: "tests Cluster test", mode: "agent" },
      directors: [...site.cluster.directors],
      settings: { ipForward: true, conntrack: true },
    });
    assert.deepEqual(problems, []);
    const { id, outputs } = await clusters.create(inputs);
    cluster = { id, state: outputs };
    handle = { ...site.cluster, id, mode: "agent" };
  });
  after(() => site?.down());

  const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
    const words = [COMMAND, "api", method, path, ...(body ? ["--data", "-"] : [])];
    const { code, stdout } = await site.lab.exec("d1", words, body ? { stdin: JSON.stringify(body) } : {});
    return { code, body: stdout.trim() === "" ? undefined : JSON.parse(stdout) };
  };
  const good = async (method: string, path: string, body?: object) => {
    const answer = await ask(method, path, body);
    assert.equal(answer.code, 0, JSON.stringify(answer.body));
    return answer.body;
  };
  const server = (name: string) => `${API_WEB}/real-servers/${site.address(name)}-80`;
  const rule = (name: string, weight: number, address = "192.0.2.10") =>
    `-a -t ${address}:80 -r ${site.address(name)}:80 -m -w ${weight}`;
  const table = async (address: string) =>
    (await site.table("d1"))
      .trim()
      .split("\n")
      .filter((line) => line.includes(`-t ${address}:80 `));
  const expectRules = async (address: string, ...rules: string[]) => {
    const wanted = [...rules].sort().join("\n");
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = (await table(address)).sort().join("\n");
      if (found === wanted) return;
      assert.ok(Date.now() < deadline, `found\n${found}\ninstead of\n${wanted}`);
      await delay(200);
    }
  };
  const web = (names: readonly string[]) => ({
    ...{ address: "192.0.2.10", port: 80, scheduler: "wrr", healthCheck: CHECK },
    realServers: names.map((name) => ({ address: site.address(name), weight: 2, drainMs: 5_000 })),
  });
  const HEAD = "-A -t 192.0.2.10:80 -s wrr";

  it("declares a virtual server once its servers are healthy, and traffic flows through it", async () => {
    await site.lab.fault.setHealth("rs2", 503);
    const quick = { ...web(["rs1", "rs2"]), healthCheck: { ...CHECK, deadlineMs: 2_000 } };
    const refused = await ask("POST", VS, quick);
    assert.equal(refused.body.code, "HEYE_GATE");
    assert.deepEqual(
      refused.body.gate.map((one: { answer: string }) => one.answer),
      ["HTTP 503"],
    );
    assert.deepEqual(await table("192.0.2.10"), []);
    await site.lab.fault.setHealth("rs2", 200);
    await good("POST", VS, web(["rs1", "rs2"]));
    await expectRules("192.0.2.10", HEAD, rule("rs1", 2), rule("rs2", 2));
    const { errors, servers } = await site.lab.traffic({ url: URL, requests: 40 });
    assert.deepEqual(errors, {});
    assert.deepEqual(Object.keys(servers).sort(), ["rs1", "rs2"]);
  });

  it("plans without changing anything, and changes a weight in place", async () => {
    const planned = await good("PUT", `${server("rs1")}/weight?dry-run=true`, { weight: 6 });
    assert.equal(planned.edits.length, 1);
    await expectRules("192.0.2.10", HEAD, rule("rs1", 2), rule("rs2", 2));
    await good("PUT", `${server("rs1")}/weight`, { weight: 6 });
    await expectRules("192.0.2.10", HEAD, rule("rs1", 6), rule("rs2", 2));
  });

  it("drains a server until that is taken back", async () => {
    await good("PUT", `${server("rs1")}/drain`);
    await expectRules("192.0.2.10", HEAD, rule("rs1", 0), rule("rs2", 2));
    const { errors, servers } = await site.lab.traffic({ url: URL, requests: 20 });
    assert.deepEqual([errors, Object.keys(servers)], [{}, ["rs2"]]);
    await good("DELETE", `${server("rs1")}/drain`);
    await expectRules("192.0.2.10", HEAD, rule("rs1", 6), rule("rs2", 2));
  });

  it("takes a server out when its connections have ended, and loses none of them", async () => {
    const load = await site.lab.startTraffic({ url: URL, concurrency: 2, connectTimeoutMs: 2_500 });
    await good("POST", `${API_WEB}/real-servers`, { address: site.address("rs3") });
    await expectRules("192.0.2.10", HEAD, rule("rs1", 6), rule("rs2", 2), rule("rs3", 1));
    const drain = await good("DELETE", server("rs1"));
    assert.deepEqual([drain.leaving, drain.drainMs], [true, 5_000]);
    await expectRules("192.0.2.10", HEAD, rule("rs2", 2), rule("rs3", 1));
    const { errors, requests } = await load.stop();
    assert.deepEqual(errors, {});
    assert.ok(requests > 20, String(requests));
  });

  it("leaves what a stack declared to it but for its pool; a refresh shows the difference, and an update takes it back", async () => {
    const services = handlerFor("VirtualServer", site.fleet);
    const inputs = site.inputs("VirtualServer", {
      ...{
        name: "web",
        cluster: handle,
        address: "192.0.2.20",
        port: 80,
        scheduler: "wrr",
        healthCheck: CHECK,
      },
      realServers: [{ address: site.address("rs1"), weight: 2 }],
    });
    const { id, outputs } = await services.create(inputs);
    const again = await ask("POST", VS, { ...web(["rs2"]), address: "192.0.2.20" });
    assert.deepEqual([again.code, again.body.code], [1, "HEYE_OWNED_ELSEWHERE"]);
    assert.match(again.body.detail, /belongs to tests Cluster test \(VirtualServer web\)/);
    assert.equal((await ask("DELETE", STACK_WEB)).body.code, "HEYE_OWNED_ELSEWHERE");
    await good("PUT", `${STACK_WEB}/real-servers/${site.address("rs1")}-80/weight`, { weight: 7 });
    await good("POST", `${STACK_WEB}/real-servers`, { address: site.address("rs2") });
    const head = "-A -t 192.0.2.20:80 -s wrr";
    await expectRules("192.0.2.20", head, rule("rs1", 7, "192.0.2.20"), rule("rs2", 1, "192.0.2.20"));
    const drift = (await services.read(id, outputs))?.outputs.drift;
    const missing = (edit: string) => `virtual server tcp 192.0.2.20:80 lacks: ${edit}`;
    assert.deepEqual(drift, {
      d1: [
        missing(`-e -t 192.0.2.20:80 -r ${site.address("rs1")}:80 -m -w 2`),
        missing(`-d -t 192.0.2.20:80 -r ${site.address("rs2")}:80`),
      ],
    });
    const state = await services.update(id, { ...outputs, drift }, inputs);
    await expectRules("192.0.2.20", head, rule("rs1", 2, "192.0.2.20"));
    await services.delete(id, state);
  });

  it("survives the agent, and goes when it is deleted", async () => {
    await site.on("d1", "sh", "-c", "kill -KILL $(pgrep -o -f '[h]eye-agent.js run')");
    const deadline = Date.now() + PATIENCE_MS;
    while ((await ask("GET", API_WEB).catch(() => ({ code: 1 }))).code !== 0) {
      assert.ok(Date.now() < deadline, "no agent came back");
      await delay(200);
    }
    await expectRules("192.0.2.10", HEAD, rule("rs2", 2), rule("rs3", 1));
    await ask("DELETE", `${API_WEB}?drain-ms=0`);
    await expectRules("192.0.2.10");
    assert.equal((await ask("GET", API_WEB)).code, 1);
    await clusters.delete(cluster.id, cluster.state);
    await site.expectEmpty();
  });
});
