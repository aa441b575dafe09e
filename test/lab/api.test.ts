import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { topology } from "../../lab/topology";
import { handlerFor } from "../../provider";
import type { ClusterHandle } from "../../provider/fleet";
import type { Properties, ResourceHandler } from "../../provider/handler";
import { authority, type Identity, issue } from "../unit/certificates";
import { askHttps, type HttpsAnswer } from "./https-asker";
import { Site } from "./site";
import { WitnessedLoad } from "./witnessed-load";

const CHECK = {
  type: "http",
  path: "/health",
  ...{ intervalMs: 200, timeoutMs: 4_000, rise: 2, fall: 3, deadlineMs: 15_000 },
};
const COMMAND = "/var/lib/heye/agent/heye-agent";
const VS = "/v1/virtual-servers";
const API_WEB = `${VS}/tcp-192.0.2.10-80`;
const STACK_WEB = `${VS}/tcp-192.0.2.20-80`;
const WEB = "192.0.2.10:80";
const URL = `http://${WEB}/`;
/** An agent needs 8 s to start in a lab, and longer beside other labs. */
const PATIENCE_MS = 60_000;
const API_PORT = 9_443;
const SHAPE = { directors: 1, servers: 3, database: false };
/** The director's address in the network that its clients' packets come from. */
const FRONT = topology(SHAPE).directors[0]?.front ?? "";

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

  /** Sign for the agents, and for their clients. */
  let agents: Identity;
  let clients: Identity;
  /** The agent's own. */
  let own: Identity;

  before(async () => {
    site = await Site.up(SHAPE);
    [agents, clients] = await Promise.all([authority("agents"), authority("clients")]);
    own = await issue({ addresses: [FRONT] }, agents);
    clusters = handlerFor("Cluster", site.fleet);
    const { id, outputs } = await clusters.create(declared(["monitor"]));
    cluster = { id, state: outputs };
    handle = { ...site.cluster, id, mode: "agent" };
  });
  after(() => site?.down());

  const declared = (readOnly: readonly string[]): Properties => {
    const { inputs, problems } = clusters.check({
      ...{ name: "test", label: "tests Cluster test", mode: "agent" },
      directors: [...site.cluster.directors],
      settings: { ipForward: true, conntrack: true },
      api: {
        listen: `${FRONT}:${API_PORT}`,
        tls: { ca: clients.cert, ...own },
        ...{ readOnly, readWrite: ["deploy"] },
      },
    });
    assert.deepEqual(problems, []);
    return inputs;
  };
  /** From the client, through the router; the agent has to show a certificate of `ca`. */
  const askFar = (
    identity: Identity | undefined,
    method: string,
    path: string,
    body?: object,
    ca = agents.cert,
  ): Promise<HttpsAnswer> =>
    askHttps(site.lab, { from: "client", host: FRONT, port: API_PORT, ca, identity }, method, path, body);
  const client = (name: string) => issue({ name }, clients);
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
    const load = await WitnessedLoad.begin(site, WEB);
    await good("POST", `${API_WEB}/real-servers`, { address: site.address("rs3") });
    await expectRules("192.0.2.10", HEAD, rule("rs1", 6), rule("rs2", 2), rule("rs3", 1));
    const drain = await good("DELETE", server("rs1"));
    assert.deepEqual([drain.leaving, drain.drainMs], [true, 5_000]);
    await expectRules("192.0.2.10", HEAD, rule("rs2", 2), rule("rs3", 1));
    await load.expectNoneLost();
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
    const edit = `-e -t 192.0.2.20:80 -r ${site.address("rs1")}:80 -m -w 2`;
    assert.deepEqual(drift, {
      d1: [
        `virtual server tcp 192.0.2.20:80 lacks: ${edit}; found: -m -w 7`,
        `virtual server tcp 192.0.2.20:80 has a server that is not declared: ${site.address("rs2")}:80`,
      ],
    });
    const state = await services.update(id, { ...outputs, drift }, inputs);
    await expectRules("192.0.2.20", head, rule("rs1", 2, "192.0.2.20"));
    await services.delete(id, state);
  });

  for (const forwarding of ["dr", "tun"])
    it(`lets no server of ${forwarding} in that lacks the virtual address, though it answers on its own`, async () => {
      const address = "192.0.2.30";
      const place = `${VS}/tcp-${address}-80`;
      const one = (name: string) => ({ address: site.address(name), forwarding });
      const traffic = async () => {
        const url = `http://${address}/`;
        const report = await site.lab.traffic({ url, requests: 20, connectTimeoutMs: 2_500 });
        assert.deepEqual(report.errors, {});
        return Object.keys(report.servers).sort();
      };
      await good("POST", VS, {
        ...{ address, port: 80, scheduler: "rr", realServers: [one("rs1")] },
        healthCheck: { ...CHECK, timeoutMs: 1_000, deadlineMs: 4_000 },
      });
      const before = await table(address);
      const prefix = ["local", "192.0.2.0/24", "dev", "lo"];
      await site.on("rs2", "ip", "route", "del", ...prefix);
      try {
        const { body } = await ask("POST", `${place}/real-servers`, one("rs2"));
        assert.equal(body.code, "HEYE_GATE");
        assert.deepEqual(
          body.gate.map(({ server, by }: { server: string; by: string }) => [server, by]),
          [[`${site.address("rs2")}:80`, forwarding]],
        );
        assert.match(
          body.detail,
          new RegExp(`http HEAD /health on 192\\.0\\.2\\.30:80 by ${forwarding}: no answer`),
        );
        assert.deepEqual(await table(address), before);
        assert.deepEqual(await traffic(), ["rs1"]);
      } finally {
        await site.on("rs2", "ip", "route", "add", ...prefix);
      }
      await good("POST", `${place}/real-servers`, one("rs2"));
      assert.deepEqual(await traffic(), ["rs1", "rs2"]);
      const left =
        "ip -o link | grep heye-probe; tc qdisc show | grep clsact; ls /run/heye/probe | grep -v lock; :";
      assert.equal(await site.on("d1", "sh", "-c", left), "");
      await ask("DELETE", `${place}?drain-ms=0`);
      await expectRules(address);
    });

  it("is served over the network to those who show a certificate, each as far as his role goes", async () => {
    const [deploy, monitor, nobody] = await Promise.all(["deploy", "monitor", "nobody"].map(client));
    const before = await site.table("d1");
    const weight = `${server("rs3")}/weight`;
    const planned = await askFar(deploy, "PUT", `${weight}?dry-run=true`, { weight: 4 });
    assert.deepEqual([planned.status, planned.body.edits.length], [200, 1]);
    const status = await askFar(monitor, "GET", "/v1/status");
    assert.deepEqual([status.status, status.body.services.length], [200, 1]);
    for (const [who, method, code] of [
      [monitor, "PUT", "HEYE_READ_ONLY"],
      [nobody, "PUT", "HEYE_NO_ROLE"],
      [nobody, "GET", "HEYE_NO_ROLE"],
    ] as const) {
      const refused = await askFar(who, method, weight, method === "PUT" ? { weight: 4 } : undefined);
      assert.deepEqual([refused.status, refused.body.code], [403, code]);
    }
    // What the provider asks an agent is served on the socket alone.
    assert.equal((await askFar(deploy, "GET", "/v1/state")).status, 404);
    assert.equal(await site.table("d1"), before);
    assert.equal((await askFar(deploy, "PUT", weight, { weight: 4 })).status, 200);
    await expectRules("192.0.2.10", HEAD, rule("rs2", 2), rule("rs3", 4));
    const { errors } = await site.lab.traffic({ url: URL, requests: 20 });
    assert.deepEqual(errors, {});
    await good("PUT", weight, { weight: 1 });
  });

  it("ends the handshake of all others, and is not taken for the agent by a client of another authority", async () => {
    const self = await issue({ name: "deploy" });
    const stranger = await issue({ name: "deploy" }, await authority("clients"));
    // The agent's own authority signs for agents: what it signs is no client's.
    const agent = await issue({ name: "deploy" }, agents);
    for (const [who, identity] of Object.entries({ nobody: undefined, self, stranger, agent })) {
      const { status, error } = await askFar(identity, "GET", VS);
      assert.equal(status, undefined, who);
      assert.match(error ?? "", /alert|ECONNRESET|EPIPE|socket hang up/, who);
    }
    const mistaken = await askFar(await client("deploy"), "GET", VS, undefined, clients.cert);
    assert.match(mistaken.error ?? "", /UNABLE_TO_VERIFY|SELF_SIGNED|issuer/);
    assert.match(await site.on("d1", "cat", "/run/heye/agent.log"), /"event":"tls".*a client was refused/);
  });

  it("takes a role away with an update of the cluster, and traffic goes on", async () => {
    const load = await WitnessedLoad.begin(site, WEB);
    const state = await clusters.update(cluster.id, cluster.state, declared(["auditor"]));
    cluster = { ...cluster, state };
    const [monitor, auditor] = await Promise.all(["monitor", "auditor"].map(client));
    // The agent has answered on its socket by now; the port follows.
    const deadline = Date.now() + PATIENCE_MS;
    while ((await askFar(auditor, "GET", VS)).status !== 200) {
      assert.ok(Date.now() < deadline, "the API did not come back on TCP");
      await delay(200);
    }
    assert.equal((await askFar(monitor, "GET", VS)).body.code, "HEYE_NO_ROLE");
    await load.expectUnnoticed();
  });

  it("survives the agent, and goes when it is deleted", async () => {
    await site.on("d1", "sh", "-c", "kill -KILL $(pgrep -f '[h]eye-agent.js run' | head -n 1)");
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
