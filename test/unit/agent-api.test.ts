import assert from "node:assert/strict";
import { putVirtualServer } from "../../director";
import { AGENT_PROTOCOL, PROTOCOL_HEADER } from "../../director/data";
import type { Edit as IpvsEdit } from "../../ipvs";
import { AgentSite, QUICK, until, virtualServer } from "./agent-site";
import { type ApiAnswer, apiClient } from "./api-client";
import { ModelledServers } from "./modelled-servers";

const VS = "/v1/virtual-servers";
const WEB = `${VS}/tcp-192.0.2.1-80`;
const STACK = { id: "me-1", label: "shop/prod Cluster edge" };
const CHECK = { ...QUICK, deadlineMs: 3_000 };
const FOREIGN = "-A -t 192.0.2.99:80 -s lblc\n-a -t 192.0.2.99:80 -r 10.9.9.9:80 -m -w 7\n";

describe("the API of an agent", () => {
  let site: AgentSite;
  let servers: ModelledServers;
  let api: ReturnType<typeof apiClient>;

  beforeEach(async () => {
    servers = new ModelledServers();
    site = await AgentSite.up((one) => one.kernel.set(FOREIGN), { dial: servers.dial });
    api = apiClient(site.socket);
  });
  afterEach(() => site.down());

  const web = (pool: readonly object[] = [{ address: "10.0.0.1", weight: 2 }, { address: "10.0.0.2" }]) => ({
    ...{ address: "192.0.2.1", port: 80, scheduler: "wrr", healthCheck: CHECK },
    realServers: pool,
  });
  const rule = (host: number, weight: number) => `-a -t 192.0.2.1:80 -r 10.0.0.${host}:80 -m -w ${weight}`;
  const HEAD = "-A -t 192.0.2.1:80 -s wrr";
  const lines = () => site.kernel.lines.filter((line) => !line.includes("192.0.2.99"));
  const created = async (body: object = web()): Promise<ApiAnswer> => {
    const answer = await api.post(VS, { body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer;
  };
  const refused = (answer: ApiAnswer, status: number, code?: string) => {
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.equal(answer.headers["content-type"], "application/problem+json");
    assert.equal(answer.body.status, status);
    if (code !== undefined) assert.equal(answer.body.code, code, answer.body.detail);
    return answer.body;
  };

  describe("virtual servers", () => {
    it("are created once their servers have been asked, and are listed and read as they were declared", async () => {
      const { headers, body } = await created();
      assert.deepEqual(lines(), [HEAD, rule(1, 2), rule(2, 1)].sort());
      assert.equal(headers.location, WEB);
      assert.equal(body.id, "tcp-192.0.2.1-80");
      assert.equal(body.owner.label, "the REST API");
      assert.deepEqual([...servers.dialled].sort(), ["10.0.0.1:80", "10.0.0.2:80"]);
      const read = await api.get(WEB);
      assert.equal(read.headers.etag, headers.etag);
      assert.equal(read.body.status.servers[0].configuredWeight, 2);
      const { status: _, ...shown } = body;
      const { status: __, ...again } = read.body;
      assert.deepEqual(again, shown);
      const { body: page } = await api.get(VS);
      assert.deepEqual(page.items, [shown]);
    });

    it("are told of as declared and not made where the kernel refuses them, and nobody else's change is", async () => {
      await created({ ...web(), address: "192.0.2.2" });
      const real = site.kernel.write.bind(site.kernel);
      const isRefused = (one: IpvsEdit) => one.service.address === "192.0.2.1";
      site.kernel.write = async (edits) => {
        await real(edits.filter((one) => !isRefused(one)));
        return edits.some(isRefused) ? "Memory allocation problem" : "";
      };
      const weight = `${VS}/tcp-192.0.2.2-80/real-servers/10.0.0.1-80/weight`;
      const [one, other] = await Promise.all([
        api.post(VS, { body: web() }),
        api.put(weight, { body: { weight: 7 } }),
      ]);
      const { detail } = refused(one, 500, "HEYE_NOT_APPLIED");
      assert.match(detail, /it is declared .*192\.0\.2\.1:80 is missing.*it said: Memory allocation problem/);
      assert.equal(other.status, 200, JSON.stringify(other.body));
      assert.equal((await api.get(WEB)).status, 200);
      site.kernel.write = real;
      await site.keeper.reconcile();
      assert.ok(lines().includes(rule(1, 2)), lines().join("\n"));
    });

    it("are told of where their address could not be put on the director", async () => {
      await site.stop();
      const place = async () => "address 192.0.2.1 heye0 no such device";
      await site.start({ dial: servers.dial, place });
      assert.match(
        refused(await api.post(VS, { body: web() }), 500, "HEYE_NOT_APPLIED").detail,
        /address 192\.0\.2\.1 could not be put on heye0 \(no such device\)/,
      );
      await created({ ...web(), address: "192.0.2.2" });
    });

    it("are left uncreated when a server fails its gate, and the answer says what each said", async () => {
      servers.down.add("10.0.0.2:80");
      const { gate, detail } = refused(await api.post(VS, { body: web() }), 422, "HEYE_GATE");
      assert.match(
        detail,
        /10\.0\.0\.2:80 from director .*: tcp on 10\.0\.0\.2:80: cannot connect: ECONNREFUSED/,
      );
      assert.match(detail, /Nothing was changed/);
      assert.equal(gate.length, 1);
      assert.equal(gate[0].server, "10.0.0.2:80");
      assert.deepEqual(lines(), []);
      refused(await api.get(WEB), 404);
    });

    it("are refused with everything that is wrong, by the same paths and words as in a program", async () => {
      const body = { ...web([{ address: "10.0.0.1", weight: -1 }, { address: "127.0.0.1" }]), port: 70_000 };
      const { errors } = refused(await api.post(VS, { body }), 422, "HEYE_INPUT");
      assert.deepEqual(
        errors.map(({ path }: { path: string }) => path),
        ["port", "realServers[0].weight", "realServers[1].address"],
      );
      assert.equal(errors[0].message, "expected a whole number from 0 to 65535, found 70000");
      refused(await api.post(VS, { body: { ...web(), shedulr: "rr" } }), 422, "HEYE_INPUT");
    });

    it("that stand there, are a stack's or a stranger's are refused by their owner's name", async () => {
      await created();
      assert.match(
        refused(await api.post(VS, { body: web() }), 409, "HEYE_OWNED_ELSEWHERE").detail,
        /Use PUT/,
      );
      const foreign = { ...web(), address: "192.0.2.99" };
      refused(await api.post(VS, { body: foreign }), 409, "HEYE_FOREIGN_ENTRY");
      await site.director().change(
        putVirtualServer(STACK, "tcp 192.0.2.2:80", virtualServer([], { address: "192.0.2.2" } as never), {
          known: false,
        }),
      );
      for (const answer of [
        await api.post(VS, { body: { ...web(), address: "192.0.2.2" } }),
        await api.put(`${VS}/tcp-192.0.2.2-80`, { body: { ...web(), address: "192.0.2.2" } }),
        await api.patch(`${VS}/tcp-192.0.2.2-80`, { body: { scheduler: "lc" } }),
        await api.remove(`${VS}/tcp-192.0.2.2-80`),
      ])
        assert.match(refused(answer, 409, "HEYE_OWNED_ELSEWHERE").detail, /shop\/prod Cluster edge/);
    });

    it("are changed in place: a patch takes null for the default, and what a read has told may be sent back", async () => {
      await created();
      const patched = await api.patch(WEB, { body: { scheduler: "sh", schedulerFlags: ["sh-fallback"] } });
      assert.equal(patched.status, 200);
      assert.equal(patched.body.scheduler, "sh");
      const { status, body } = await api.patch(WEB, { body: { scheduler: null, schedulerFlags: null } });
      assert.deepEqual([status, body.scheduler, body.schedulerFlags], [200, "wlc", undefined]);
      const edits = site.kernel.edits.length;
      const same = await api.put(WEB, { body });
      assert.equal(same.status, 200);
      assert.equal(same.headers.etag, (await api.get(WEB)).headers.etag);
      assert.equal(site.kernel.edits.length, edits, "nothing was to be done");
      // Before anybody looks at the version.
      for (const wrong of [{ address: {} }, { nothing: null }, { realServers: [{}] }, [], "x"])
        refused(await api.patch(WEB, { body: wrong, headers: { "if-match": '"0"' } }), 422);
      const other = refused(await api.patch(WEB, { body: { port: 81 } }), 422);
      assert.match(other.detail, /another identity is another virtual server/);
      const fresh = await api.put(`${VS}/udp-192.0.2.1-53`, { body: { healthCheck: { type: "none" } } });
      assert.equal(fresh.status, 201);
    });

    it("keep the servers that a change leaves out until their connections have ended", async () => {
      await created();
      site.kernel.counts = [
        { service: "tcp 192.0.2.1:80", destination: "10.0.0.2:80", weight: 0, active: 1, inactive: 0 },
      ];
      const answer = await api.put(WEB, { body: web([{ address: "10.0.0.1", weight: 2 }]) });
      assert.equal(answer.status, 200);
      assert.deepEqual(lines(), [HEAD, rule(1, 2), rule(2, 0)].sort());
      await site.keeper.reconcile();
      assert.deepEqual(lines(), [HEAD, rule(1, 2), rule(2, 0)].sort());
      site.kernel.counts = [];
      await site.keeper.reconcile();
      assert.deepEqual(lines(), [HEAD, rule(1, 2)].sort());
    });

    it("go when their servers have drained, at once where nobody waits; over a restart too", async () => {
      await created();
      site.kernel.counts = [
        { service: "tcp 192.0.2.1:80", destination: "10.0.0.2:80", weight: 0, active: 1, inactive: 0 },
      ];
      const going = await api.remove(WEB);
      assert.equal(going.status, 202);
      assert.deepEqual(lines(), [HEAD, rule(1, 0), rule(2, 0)].sort());
      await site.keeper.reconcile();
      assert.deepEqual(lines(), [HEAD, rule(2, 0)].sort());
      await site.stop();
      await site.start({ dial: servers.dial });
      assert.deepEqual(lines(), [HEAD, rule(2, 0)].sort());
      site.kernel.counts = [];
      await site.keeper.reconcile();
      assert.deepEqual(lines(), []);
      refused(await api.get(WEB), 404);
      await created();
      assert.equal((await api.remove(`${WEB}?drain-ms=0`)).status, 204);
      assert.deepEqual(lines(), []);
      assert.equal(site.kernel.lines.length, 2, "what is a stranger's stays");
    });

    it("tell no secret, and keep it through a patch", async () => {
      const mysql = {
        type: "mysql",
        user: "u",
        password: "hunter2",
        deadlineMs: 100,
        intervalMs: 20,
        rise: 1,
      };
      const body = { ...web([]), healthCheck: mysql };
      const answers = [
        await created(body),
        await api.get(WEB),
        await api.patch(WEB, { body: { scheduler: "rr" } }),
      ];
      for (const { body: told } of answers) assert.equal(told.healthCheck.password, undefined);
      assert.doesNotMatch(
        JSON.stringify([answers, await api.get(VS), await api.get("/v1/status")]),
        /hunter2/,
      );
      const registered = (await site.director().read()).registry.owners.api?.virtualServers[
        "tcp 192.0.2.1:80"
      ];
      const { password } = (registered?.healthCheck ?? {}) as Partial<Record<"password", string>>;
      assert.equal(password, "hunter2");
    });
  });

  describe("real servers", () => {
    const POOL = `${WEB}/real-servers`;
    const ONE = `${POOL}/10.0.0.1-80`;

    it("are added, changed and taken out one by one, whoever asks for which", async () => {
      await created();
      const added = await api.post(POOL, { body: { address: "10.0.0.3" } });
      assert.deepEqual([added.status, added.headers.location], [201, `${POOL}/10.0.0.3-80`]);
      assert.ok(servers.dialled.has("10.0.0.3:80"));
      refused(await api.post(POOL, { body: { address: "10.0.0.3" } }), 409);
      servers.down.add("10.0.0.4:80");
      refused(await api.put(`${POOL}/10.0.0.4-80`, { body: {} }), 422, "HEYE_GATE");
      assert.equal((await api.patch(ONE, { body: { weight: 7 } })).body.weight, 7);
      assert.equal((await api.put(`${ONE}/weight`, { body: { weight: 9 } })).body.weight, 9);
      assert.deepEqual(lines(), [HEAD, rule(1, 9), rule(2, 1), rule(3, 1)].sort());
      const { body } = await api.get(POOL);
      assert.deepEqual(
        body.items.map(({ id }: { id: string }) => id),
        ["10.0.0.1-80", "10.0.0.2-80", "10.0.0.3-80"],
      );
      const gone = await api.remove(`${POOL}/10.0.0.3-80`);
      assert.deepEqual([gone.status, gone.headers.location], [202, `${POOL}/10.0.0.3-80/drain`]);
      assert.equal(gone.body.leaving, true);
      await site.keeper.reconcile();
      refused(await api.get(`${POOL}/10.0.0.3-80`), 404);
      assert.deepEqual(lines(), [HEAD, rule(1, 9), rule(2, 1)].sort());
    });

    it("drain until that is taken back, and are asked before they take connections again", async () => {
      await created();
      assert.equal((await api.put(`${ONE}/drain`)).body.drained, true);
      await site.keeper.reconcile();
      assert.deepEqual(lines(), [HEAD, rule(1, 0), rule(2, 1)].sort());
      const { body: status } = await api.get("/v1/status");
      assert.deepEqual(status.services[0].servers[0].reasons, ["drained by the API"]);
      const metrics = await site.sight.metrics(false);
      assert.match(metrics, /^heye_drains\{by="api"\} 1$/m);
      assert.match(metrics, /^heye_drains\{by="operator"\} 0$/m);
      await site.stop();
      await site.start({ dial: servers.dial });
      assert.deepEqual(lines(), [HEAD, rule(1, 0), rule(2, 1)].sort());
      servers.down.add("10.0.0.1:80");
      refused(await api.remove(`${ONE}/drain`), 422, "HEYE_GATE");
      servers.down.clear();
      assert.equal((await api.remove(`${ONE}/drain`)).status, 200);
      // The agent's own checks may have seen it fail, and see it well again in their own time.
      await until(
        () => lines().includes(rule(1, 2)),
        () => lines().join("\n"),
      );
    });

    it("that were to leave stay when their drain is ended", async () => {
      await created();
      site.kernel.counts = [
        { service: "tcp 192.0.2.1:80", destination: "10.0.0.1:80", weight: 0, active: 3, inactive: 0 },
      ];
      assert.equal((await api.remove(ONE)).status, 202);
      assert.equal((await api.get(`${ONE}/drain`)).body.leaving, true);
      assert.equal((await api.remove(`${ONE}/drain`)).body.leaving, false);
      site.kernel.counts = [];
      await site.keeper.reconcile();
      assert.deepEqual(lines(), [HEAD, rule(1, 2), rule(2, 1)].sort());
    });

    it("of a stack's virtual server are changed too, and stay that stack's", async () => {
      const member = { address: "10.0.0.1", port: 80, weight: 2, forwarding: "nat" } as const;
      const wanted = virtualServer([member], { scheduler: "wrr" });
      await site.director().change(putVirtualServer(STACK, "tcp 192.0.2.1:80", wanted, { known: false }));
      assert.equal((await api.put(`${ONE}/weight`, { body: { weight: 5 } })).status, 200);
      assert.equal((await api.post(POOL, { body: { address: "10.0.0.2" } })).status, 201);
      assert.equal((await api.put(`${POOL}/10.0.0.2-80/drain`)).status, 200);
      assert.deepEqual(lines(), [HEAD, rule(1, 5), rule(2, 0)].sort());
      const { owners } = (await site.director().read()).registry;
      assert.deepEqual(Object.keys(owners), [STACK.id]);
      await site.director().change(putVirtualServer(STACK, "tcp 192.0.2.1:80", wanted, { known: true }));
      assert.deepEqual(lines(), [HEAD, rule(1, 2)].sort());
    });
  });

  describe("versions", () => {
    it("keep a change from what its maker does not know, and say what differs", async () => {
      const { headers } = await created();
      const first = { "if-match": headers.etag ?? "" };
      assert.equal((await api.patch(WEB, { body: { scheduler: "rr" }, headers: first })).status, 200);
      const problem = refused(await api.patch(WEB, { body: { scheduler: "lc" }, headers: first }), 412);
      assert.deepEqual(problem.differs, [{ path: "scheduler", expected: "wrr", found: "rr" }]);
      refused(await api.remove(WEB, { headers: first }), 412);
      refused(await api.put(WEB, { body: web(), headers: { "if-none-match": "*" } }), 412);
      refused(await api.put(`${VS}/tcp-192.0.2.3-80`, { body: web(), headers: { "if-match": "*" } }), 422);
      const one = `${WEB}/real-servers/10.0.0.1-80`;
      const read = await api.get(one);
      const known = { "if-match": read.headers.etag ?? "" };
      assert.equal((await api.put(`${one}/weight`, { body: { weight: 3 }, headers: known })).status, 200);
      const weight = refused(await api.put(`${one}/weight`, { body: { weight: 4 }, headers: known }), 412);
      assert.deepEqual(weight.differs, [{ path: "weight", expected: 2, found: 3 }]);
    });

    it("spare a client what he has, and never what has changed", async () => {
      await created();
      for (const path of [VS, `${WEB}/real-servers`]) {
        const { headers } = await api.get(path);
        const again = await api.get(path, { headers: { "if-none-match": headers.etag ?? "" } });
        assert.deepEqual([again.status, again.body], [304, undefined]);
      }
      const one = `${WEB}/real-servers/10.0.0.1-80`;
      const paths = [WEB, one, `${one}/drain`];
      const before = await Promise.all(paths.map((path) => api.get(path)));
      // On this director alone: what is declared stays, and so does its version.
      await site.keeper.drain("10.0.0.1:80", undefined, "start");
      for (const [index, path] of paths.entries()) {
        const etag = before[index]?.headers.etag ?? "";
        const after = await api.get(path, { headers: { "if-none-match": etag } });
        assert.deepEqual([after.status, after.headers.etag], [200, etag], path);
        assert.notDeepEqual(after.body, before[index]?.body, path);
      }
      const all = await api.get(VS);
      assert.equal(all.headers["heye-revision"], all.headers.etag?.slice(1, -1));
    });

    it("of writers at once are told apart: none of their changes is lost", async () => {
      await created(web([]));
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, host) =>
          api.post(`${WEB}/real-servers`, { body: { address: `10.0.1.${host + 1}` } }),
        ),
      );
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
      assert.equal((await api.get(WEB)).body.realServers.length, 20);
    });
  });

  describe("a dry run", () => {
    it("tells the edits and who would be asked, and changes nothing", async () => {
      const { status, body } = await api.post(`${VS}?dry-run=true`, { body: web() });
      assert.equal(status, 200);
      assert.deepEqual(body.statuses, [201]);
      assert.equal(body.edits.length, 3);
      assert.match(body.edits.join("\n"), /192\.0\.2\.1:80/);
      assert.equal(body.gate.length, 2);
      assert.deepEqual(lines(), []);
      assert.equal(servers.dialled.size, 0);
      await created();
      const before = [...lines()];
      const removal = await api.remove(`${WEB}?dry-run=true`);
      assert.deepEqual(removal.body.statuses, [202]);
      assert.deepEqual(lines(), before);
      refused(await api.post(`${VS}?dry-run=true`, { body: web() }), 409);
      refused(await api.post(`${VS}?dryrun=true`, { body: web() }), 400);
      assert.match(
        (await api.get("/v1/status?dryrun=1")).body.detail,
        /dryrun: no such property; expected none$/,
      );
      refused(await api.post(`${VS}?dry-run=yes`, { body: web() }), 400);
    });
  });

  describe("a transaction", () => {
    const two = { ...web([{ address: "10.0.0.5" }]), address: "192.0.2.2" };

    it("declares all of its edits at once", async () => {
      await created();
      const edits = [
        { method: "POST", path: VS, body: two },
        { method: "PUT", path: `${WEB}/real-servers/10.0.0.1-80/weight`, body: { weight: 8 } },
        { method: "DELETE", path: `${WEB}/real-servers/10.0.0.2-80?drain-ms=0` },
      ];
      const answer = await api.post("/v1/transactions", { body: { edits } });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.deepEqual(
        answer.body.edits.map(({ status }: { status: number }) => status),
        [201, 200, 204],
      );
      const second = ["-A -t 192.0.2.2:80 -s wrr", "-a -t 192.0.2.2:80 -r 10.0.0.5:80 -m -w 1"];
      assert.deepEqual(lines(), [HEAD, rule(1, 8), ...second].sort());
      const stale = { "if-match": '"0000"' };
      refused(
        await api.post("/v1/transactions", { body: { edits: edits.slice(1, 2) }, headers: stale }),
        412,
      );
      const fresh = { "if-match": answer.headers.etag ?? "" };
      const again = await api.post("/v1/transactions", {
        body: { edits: edits.slice(1, 2) },
        headers: fresh,
      });
      assert.equal(again.status, 200);
    });

    it("declares none when one is wrong, refused, or fails its gate", async () => {
      await created();
      const before = [...lines()];
      const weight = (body: object) => ({
        method: "PUT",
        path: `${WEB}/real-servers/10.0.0.1-80/weight`,
        body,
      });
      const wrong = await api.post("/v1/transactions", {
        body: { edits: [weight({ weight: 8 }), weight({ weight: -1 })] },
      });
      assert.equal(refused(wrong, 422, "HEYE_INPUT").errors[0].path, "edits[1].body.weight");
      const missing = { method: "DELETE", path: `${WEB}/real-servers/10.0.0.77-80` };
      const lost = await api.post("/v1/transactions", { body: { edits: [weight({ weight: 8 }), missing] } });
      assert.match(refused(lost, 404).detail, /^edits\[1\]: /);
      servers.down.add("10.0.0.5:80");
      const edits = [weight({ weight: 8 }), { method: "POST", path: VS, body: two }];
      refused(await api.post("/v1/transactions", { body: { edits } }), 422, "HEYE_GATE");
      const nested = { method: "POST", path: "/v1/transactions", body: { edits } };
      refused(await api.post("/v1/transactions", { body: { edits: [nested] } }), 422);
      servers.down.clear();
      for (const wanted of ["true", "false"]) {
        const dry = { method: "POST", path: `${VS}?dry-run=${wanted}`, body: two };
        const partly = await api.post("/v1/transactions", { body: { edits: [weight({ weight: 8 }), dry] } });
        assert.match(refused(partly, 422, "HEYE_INPUT").detail, /^edits\[1\]: .*dry-run/);
      }
      assert.deepEqual(lines(), before);
    });

    it("replaces what it takes away before", async () => {
      await created();
      const edits = [
        { method: "DELETE", path: `${WEB}?drain-ms=0` },
        { method: "POST", path: VS, body: web([{ address: "10.0.0.9" }]) },
      ];
      assert.equal((await api.post("/v1/transactions", { body: { edits } })).status, 200);
      assert.deepEqual(lines(), [HEAD, rule(9, 1)].sort());
    });
  });

  describe("requests", () => {
    it("that are none of its own are refused by what is wrong with them", async () => {
      const cases: [answer: Promise<ApiAnswer>, status: number][] = [
        [api.get(`${VS}/tcp-192.0.2.01-80`), 404],
        [api.get(`${VS}/fwmark-5`), 404],
        [api.get(`${VS}/%zz`), 400],
        [api.ask("TRACE", VS), 405],
        [api.ask("DELETE", VS), 405],
        [api.get(`${VS}?limit=0`), 400],
        [api.get(`${VS}?limit=1&limit=2`), 400],
        [api.post(VS, { text: "{" }), 400],
        [api.post(VS, { text: "[".repeat(100) }), 400],
        [api.post(VS, { text: "{}", headers: { "content-type": "text/plain" } }), 415],
        [api.post(VS, { text: `"${"x".repeat(5_000_000)}"` }), 413],
        [api.post(VS, { body: [] }), 422],
      ];
      for (const [asked, status] of cases) refused(await asked, status);
      assert.equal((await api.ask("DELETE", VS)).headers.allow, "GET, POST, HEAD");
      const head = await api.ask("HEAD", VS);
      assert.deepEqual([head.status, head.body], [200, undefined]);
      assert.equal((await api.get("/v1/nothing")).status, 404);
    });

    it("of the provider's are answered as before", async () => {
      const known = { headers: { [PROTOCOL_HEADER]: String(AGENT_PROTOCOL) } };
      assert.equal((await api.get("/v1/state", known)).body.protocol, AGENT_PROTOCOL);
      assert.equal((await api.get("/healthz")).body.ok, true);
    });

    it("by pages come to all virtual servers", async () => {
      const ids = ["tcp-[2001:db8::1]-80", "fwmark-7-ipv6", "udp-192.0.2.1-53"];
      for (const id of ids)
        assert.equal(
          (await api.put(`${VS}/${encodeURIComponent(id)}`, { body: { healthCheck: { type: "none" } } }))
            .status,
          201,
        );
      const first = await api.get(`${VS}?limit=2`);
      const rest = await api.get(`${VS}?limit=2&after=${encodeURIComponent(first.body.next)}`);
      const found = [...first.body.items, ...rest.body.items].map(({ id }: { id: string }) => id);
      assert.deepEqual(found, [...ids].sort());
      assert.equal(rest.body.next, undefined);
    });
  });

  it("goes on with what was declared after a restart of the agent", async () => {
    const { body } = await created();
    await site.stop();
    await site.start({ dial: servers.dial });
    await until(
      () => site.kernel.lines.length === 5,
      () => site.kernel.lines.join("\n"),
    );
    const read = await api.get(WEB);
    assert.deepEqual(read.body.realServers, body.realServers);
  });
});
