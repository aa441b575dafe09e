import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import * as https from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import * as tls from "node:tls";
import { Rates } from "../../agent/api/clients";
import {
  HANDSHAKE_MS,
  HEADERS_MS,
  STREAMS_PER_CLIENT_MAX,
  WRITES_BURST,
  WRITES_PER_S,
} from "../../agent/api/limits";
import { ApiProblem } from "../../agent/api/problem";
import { namesIn, roleOf } from "../../agent/api/roles";
import { request } from "./api-client";
import { authority, type Claims, type Identity, issue } from "./certificates";
import { type TlsIdentities, TlsSite } from "./tls-site";

const VS = "/v1/virtual-servers";
const BODY = { address: "192.0.2.1", port: 80, realServers: [] };
const HOUR_MS = 3_600_000;
/** How long a certificate is valid that is to end in a test: certificates know whole seconds, and one is used before that. */
const BRIEF_MS = 6_000;

describe("the API of an agent on TCP", () => {
  let identities: TlsIdentities;
  let served: TlsSite;

  before(async () => {
    identities = await TlsSite.identities();
  });
  beforeEach(async () => {
    served = await TlsSite.up(identities);
  });
  afterEach(() => served.down());

  const options = (identity?: Identity) => served.options(identity);
  const ask = (identity: Identity | undefined, method: string, path: string, body?: object) =>
    served.ask(identity, method, path, { body });
  const client = (claims: Claims) => served.client(claims);
  /** The head of a stream of events, which goes on. */
  const stream = async (identity: Identity): Promise<IncomingMessage> => {
    const asked = https.get({ ...options(identity), path: "/v1/events", agent: false });
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    response.on("error", () => undefined);
    return response;
  };

  it("lets those change things who may, by any of their names", async () => {
    for (const [index, claims] of [{ name: "deploy" }, { names: ["deploy.example"] }].entries()) {
      const { status } = await ask(await client(claims), "POST", VS, { ...BODY, port: 81 + index });
      assert.equal(status, 201);
    }
  });

  it("lets those read who may only read, and change nothing", async () => {
    const monitor = await client({ name: "monitor" });
    assert.equal((await ask(monitor, "GET", VS)).status, 200);
    assert.equal((await ask(monitor, "GET", "/v1/status")).status, 200);
    for (const [method, path] of [
      ["POST", VS],
      ["POST", `${VS}?dry-run=true`],
      ["POST", "/v1/transactions"],
      ["DELETE", `${VS}/tcp-192.0.2.1-80`],
    ] as const) {
      const { status, body } = await ask(monitor, method, path, method === "POST" ? BODY : undefined);
      assert.deepEqual([status, body.code], [403, "HEYE_READ_ONLY"], `${method} ${path}`);
    }
    assert.deepEqual(served.site.kernel.edits, []);
  });

  it("refuses those who have no role, by a name that is not quite one too", async () => {
    for (const name of ["nobody", "deploy ", "Deploy", "deploy.example.org"]) {
      const { status, body } = await ask(await client({ name }), "GET", VS);
      assert.deepEqual([status, body.code], [403, "HEYE_NO_ROLE"], name);
    }
  });

  it("does not serve the provider's own protocol", async () => {
    const deploy = await client({ name: "deploy" });
    for (const path of ["/v1/state", "/v1/explain?server=10.0.0.1:80", "/v1/maintenance"])
      assert.equal((await ask(deploy, "GET", path)).status, 404, path);
    assert.equal((await ask(deploy, "POST", "/v1/changes", {})).status, 404);
    assert.equal((await ask(deploy, "POST", "/v1/checks", {})).status, 404);
    assert.equal((await ask(deploy, "POST", "/v1/drains?server=10.0.0.1:80")).status, 404);
  });

  it("ends the handshake of who shows no certificate, one of another authority, one that is over or has not begun", async () => {
    const stranger = await issue({ name: "deploy" }, await authority("clients"));
    const expired = await client({ name: "deploy", fromMs: -2 * HOUR_MS, untilMs: -HOUR_MS });
    const early = await client({ name: "deploy", fromMs: HOUR_MS, untilMs: 2 * HOUR_MS });
    const self = await issue({ name: "deploy" });
    for (const [who, identity] of Object.entries({ nobody: undefined, stranger, expired, early, self }))
      await assert.rejects(ask(identity, "GET", VS), /alert|ECONNRESET|socket hang up|handshake/, who);
  });

  it("ends a connection with the certificate that opened it", async () => {
    const brief = await client({ name: "monitor", untilMs: BRIEF_MS });
    const agent = new https.Agent({ ...options(brief), keepAlive: true, maxSockets: 1 });
    const status = () =>
      new Promise<number>((resolve, reject) => {
        const outgoing = https.get({ ...options(brief), path: VS, agent }, (response) => {
          response.resume().on("end", () => resolve(response.statusCode ?? 0));
        });
        outgoing.on("error", reject);
      });
    assert.equal(await status(), 200);
    await delay(BRIEF_MS + 500);
    await assert.rejects(status());
    agent.destroy();
  });

  it("ends a stream with the certificate that opened it", async () => {
    const brief = await client({ name: "monitor", untilMs: BRIEF_MS });
    const response = await stream(brief);
    assert.equal(response.statusCode, 200);
    await new Promise((resolve) => response.resume().once("close", resolve));
  });

  it("lets one client listen so often, and others and root beside him", async () => {
    const [one, other] = [await client({ name: "monitor" }), await client({ name: "deploy" })];
    const status = async (identity: Identity) => (await stream(identity)).statusCode;
    for (let open = 0; open < STREAMS_PER_CLIENT_MAX; open++) assert.equal(await status(one), 200);
    assert.equal(await status(one), 503);
    assert.equal(await status(other), 200);
    served.server.closeAllConnections();
    for (let tries = 0; (await status(one)) !== 200; tries++) assert.ok(tries < 50, "places are given back");
  });

  it("speaks TLS 1.3 alone, and no HTTP in the clear", async () => {
    const deploy = await client({ name: "deploy" });
    const old = tls.connect({ ...options(deploy), maxVersion: "TLSv1.2" });
    const [error] = (await once(old, "error")) as [Error];
    assert.match(error.message, /protocol version|alert/);
    const plain = request({ host: "127.0.0.1", port: served.port }, "GET", VS);
    await assert.rejects(plain, /socket hang up|ECONNRESET|Parse Error/);
  });

  it("hangs up on who does not get on with his handshake", async function () {
    this.timeout(HANDSHAKE_MS * 3);
    const { connect } = await import("node:net");
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    await once(socket, "close");
  });

  it("hangs up on who does not get on with his header fields", async function () {
    this.timeout(HEADERS_MS * 2.5);
    const socket = tls.connect(options(await client({ name: "deploy" })));
    socket.on("error", () => undefined).resume();
    socket.write("GET /v1/status HTTP/1.1\r\nHost: d1\r\nX-Slow: ");
    await once(socket, "close");
  });

  it("refuses header fields that are too large", async () => {
    const deploy = await client({ name: "deploy" });
    const agent = new https.Agent(options(deploy));
    const outgoing = https.get({
      ...options(deploy),
      path: VS,
      agent,
      headers: { "x-long": "x".repeat(20_000) },
    });
    const [response] = (await once(outgoing, "response")) as [{ statusCode: number; resume(): void }];
    response.resume();
    agent.destroy();
    assert.equal(response.statusCode, 431);
  });
});

describe("roles", () => {
  const named = (CN: unknown, subjectaltname?: string) => ({ subject: { CN }, subjectaltname }) as never;

  it("go by whole names, of every kind that a certificate has", () => {
    assert.deepEqual(
      namesIn(named(["a", "b"], "DNS:c.example, URI:spiffe://x/d, IP Address:10.0.0.1, email:e@f")),
      [...["a", "b", "c.example", "spiffe://x/d", "10.0.0.1", "e@f"]],
    );
    assert.deepEqual(namesIn(named(undefined, undefined)), []);
    const roles = { readOnly: ["a", "b"], readWrite: ["b"] };
    assert.equal(roleOf(named("a"), roles), "read-only");
    assert.equal(roleOf(named("b"), roles), "read-write");
    assert.equal(roleOf(named("c"), roles), undefined);
    assert.equal(roleOf(named("a"), {}), undefined);
  });

  it("are not had by one name that is written like two", () => {
    const forged = named("x", 'DNS:"evil.example, DNS:deploy", DNS:y');
    assert.deepEqual(namesIn(forged), ["x", "evil.example, DNS:deploy", "y"]);
    assert.equal(roleOf(forged, { readWrite: ["deploy"] }), undefined);
  });
});

describe("rates", () => {
  it("are each client's own, and come back with time", () => {
    let nowMs = 0;
    const rates = new Rates(() => nowMs);
    const admitted = (client: string) => {
      try {
        rates.admit(client, true);
        return true;
      } catch (error) {
        assert.ok(error instanceof ApiProblem);
        assert.deepEqual([error.status, error.headers["retry-after"]], [429, "1"]);
        return false;
      }
    };
    const count = (client: string) =>
      Array.from({ length: 2 * WRITES_BURST }, () => admitted(client)).filter(Boolean).length;
    assert.equal(count("a"), WRITES_BURST);
    assert.equal(count("b"), WRITES_BURST);
    rates.admit("a", false);
    nowMs += 500;
    assert.equal(count("a"), WRITES_PER_S / 2);
    nowMs += HOUR_MS;
    assert.equal(count("a"), WRITES_BURST);
  });
});
