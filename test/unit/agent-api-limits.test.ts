import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { History } from "../../agent/api/history";
import { IN_FLIGHT, UNSENT_BYTES, WRITES_IN_FLIGHT } from "../../agent/api/limits";
import { ApiProblem } from "../../agent/api/problem";
import { Slots } from "../../agent/api/slots";
import { AgentSite, QUICK, until } from "./agent-site";
import { apiClient } from "./api-client";
import { ModelledServers } from "./modelled-servers";

const VS = "/v1/virtual-servers";

describe("what the API of an agent bears", () => {
  let site: AgentSite;
  let api: ReturnType<typeof apiClient>;
  let waiting = 0;
  let open: () => void = () => undefined;
  let opened = Promise.resolve();
  const body = (host: number) => ({
    ...{ address: `192.0.2.${host}`, port: 80, healthCheck: QUICK },
    realServers: [{ address: "10.0.0.1" }],
  });

  beforeEach(async () => {
    waiting = 0;
    opened = new Promise((resolve) => {
      open = resolve;
    });
    const ask = async () => {
      waiting++;
      await opened;
    };
    site = await AgentSite.up(undefined, { dial: new ModelledServers().dial, gate: { ask } });
    api = apiClient(site.socket);
  });
  afterEach(async () => {
    open();
    await site.down();
  });

  it("is so many changes at a time: others are told to come again, and readers are not kept waiting", async () => {
    const hosts = Array.from({ length: WRITES_IN_FLIGHT.max }, (_, index) => index + 1);
    const writes = hosts.map((host) => api.post(VS, { body: body(host) }));
    await until(
      () => waiting === hosts.length,
      () => `${waiting} at the gate`,
    );
    const { status, headers } = await api.post(VS, { body: body(200) });
    assert.deepEqual([status, headers["retry-after"]], [503, "1"]);
    assert.equal((await api.get("/v1/status")).status, 200);
    open();
    for (const answer of await Promise.all(writes)) assert.equal(answer.status, 201);
    assert.equal((await api.get(VS)).body.items.length, hosts.length);
    assert.equal((await api.post(VS, { body: body(200) })).status, 201);
  });

  it("is any number of readers: one is answered in each round of the event loop, and all else in between", async () => {
    const sockets = Array.from({ length: 20 }, () => connect(site.socket));
    await Promise.all(sockets.map((one) => once(one, "connect")));
    // The server has taken them all.
    await delay(50);
    let round = 0;
    const rounds: number[] = [];
    const tick = () => {
      round++;
      if (rounds.length < sockets.length) setImmediate(tick);
    };
    const { see } = History.prototype;
    History.prototype.see = function (view) {
      rounds.push(round);
      see.call(this, view);
    };
    try {
      setImmediate(tick);
      const answers = sockets.map((one) => once(one, "data"));
      for (const one of sockets) one.write(`GET ${VS} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await Promise.all(answers);
    } finally {
      History.prototype.see = see;
      for (const one of sockets) one.destroy();
    }
    assert.equal(new Set(rounds).size, 20, rounds.join(" "));
  });

  it("is a connection that rests for a minute, so that no client uses one that is being closed", async () => {
    const agent = new http.Agent({ keepAlive: true });
    try {
      const outgoing = http.request({ socketPath: site.socket, path: "/v1/status", agent }).end();
      const [response] = (await once(outgoing, "response")) as [http.IncomingMessage];
      response.resume();
      assert.equal(response.headers["keep-alive"], "timeout=60");
    } finally {
      agent.destroy();
    }
  });

  it("is so many requests at a time, and a switch that asks whether it is ready beside them", async () => {
    let hanging = 0;
    site.sight.status = async () => {
      hanging++;
      await opened;
      throw new Error("the test is over");
    };
    const all = Array.from({ length: IN_FLIGHT.max }, () => api.get("/v1/status"));
    await until(
      () => hanging === all.length,
      () => `${hanging} are under way`,
    );
    assert.equal((await api.get("/v1/status")).status, 503);
    for (const method of ["GET", "HEAD"])
      assert.equal((await api.ask(method, "/readyz")).status, 200, method);
    open();
    await Promise.all(all);
  });

  it("is so much that clients leave lying: long answers are refused then, short ones and those over the socket are not", async () => {
    site.sight.status = async () => ({ long: "x".repeat(UNSENT_BYTES.max / 4 - 1_000) }) as never;
    const asker = { role: "read-only", client: "him", admit: () => undefined } as const;
    const server = http.createServer((question, response) => void site.api.handle(question, response, asker));
    const socketPath = `${site.socket}.tcp`;
    await once(server.listen(socketPath), "listening");
    const agent = new http.Agent({ keepAlive: true });
    const ask = async (path: string) => {
      const outgoing = http.request({ socketPath, path, agent }).end();
      return ((await once(outgoing, "response")) as [http.IncomingMessage])[0];
    };
    try {
      // Nobody reads them: what is left is for clients of the socket.
      const lying = [await ask("/v1/status"), await ask("/v1/status"), await ask("/v1/status")];
      assert.deepEqual(
        lying.map(({ statusCode }) => statusCode),
        [200, 200, 200],
      );
      const refused = await ask("/v1/status");
      assert.deepEqual([refused.statusCode, refused.headers["retry-after"]], [503, "1"]);
      assert.equal((await ask(VS)).statusCode, 200);
      assert.equal((await api.get("/v1/status")).status, 200);
      for (const answer of lying) answer.destroy();
      let last: number | undefined;
      for (let tries = 0; last !== 200 && tries < 50; tries++) last = (await ask("/v1/status")).statusCode;
      assert.equal(last, 200, "what was left lying counts for ever");
    } finally {
      agent.destroy();
      server.close();
      server.closeAllConnections();
    }
  });

  it("is a client that goes while its servers are asked: nothing of what he wanted is declared", async () => {
    const text = JSON.stringify(body(1));
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const outgoing = http.request({ socketPath: site.socket, method: "POST", path: VS, headers });
    outgoing.on("error", () => undefined);
    outgoing.end(text);
    await until(
      () => waiting === 1,
      () => "not at the gate",
    );
    outgoing.destroy();
    // Long enough for the agent to notice, before the gate opens.
    for (let looks = 0; looks < 20; looks++) await api.get(VS);
    open();
    for (let looks = 0; looks < 20; looks++) await api.get(VS);
    assert.deepEqual((await api.get(VS)).body.items, []);
    assert.deepEqual(site.kernel.edits, []);
  });

  it("is a writer that others overtake: his change is worked out on what they have made", async () => {
    open();
    assert.equal((await api.put(`${VS}/tcp-192.0.2.1-80`, { body: { realServers: [] } })).status, 201);
    const pool = `${VS}/tcp-192.0.2.1-80/real-servers`;
    const added = await Promise.all([
      api.post(pool, { body: { address: "10.0.0.1" } }),
      api.patch(`${VS}/tcp-192.0.2.1-80`, { body: { scheduler: "rr" } }),
      api.post(pool, { body: { address: "10.0.0.1" } }),
    ]);
    assert.deepEqual(added.map(({ status }) => status).sort(), [200, 201, 409]);
    const { body: left } = await api.get(`${VS}/tcp-192.0.2.1-80`);
    assert.equal(left.scheduler, "rr");
    assert.ok(left.realServers.length <= 1);
  });
});

describe("slots", () => {
  it("are kept for the unix socket in part, whoever asks on TCP", () => {
    const slots = new Slots("requests", { max: 5, kept: 2 }, 7);
    const taken = Array.from({ length: 3 }, () => slots.take(false));
    const isFull = (error: unknown) => {
      assert.ok(error instanceof ApiProblem);
      assert.deepEqual([error.status, error.headers["retry-after"]], [503, "7"]);
      return true;
    };
    assert.throws(() => slots.take(false), isFull);
    taken.push(slots.take(true), slots.take(true));
    assert.throws(() => slots.take(true), isFull);
    for (const giveBack of taken) giveBack();
    for (let one = 0; one < 5; one++) slots.take(true);
    assert.throws(() => slots.take(false), isFull);
  });
});
