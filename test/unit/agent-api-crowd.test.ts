import assert from "node:assert/strict";
import { once } from "node:events";
import * as https from "node:https";
import * as tls from "node:tls";
import { Rates } from "../../agent/api/clients";
import { CONNECTIONS_MAX, WRITES_BURST, WRITES_PER_S } from "../../agent/api/limits";
import { apiClient } from "./api-client";
import type { Identity } from "./certificates";
import { type TlsIdentities, TlsSite } from "./tls-site";

const VS = "/v1/virtual-servers";
/** Handshakes at a time: each has to be made within seconds, however slow the machine is. */
const AT_A_TIME = 8;
/** More than the sockets of both sides take in. */
const LONG_BYTES = 32 * 1024 * 1024;

describe("many clients of an agent's API on TCP", () => {
  let identities: TlsIdentities;
  let served: TlsSite;
  let deploy: Identity;
  let monitor: Identity;

  before(async () => {
    identities = await TlsSite.identities();
  });
  const up = async (...rest: Parameters<typeof TlsSite.up> extends [unknown, ...infer R] ? R : never) => {
    served = await TlsSite.up(identities, ...rest);
    deploy = await served.client({ name: "deploy" });
    monitor = await served.client({ name: "monitor" });
  };
  afterEach(() => served.down());

  /** A connection on which one request was answered, and which then rests. Rejects where it is closed before that. */
  const resting = async (): Promise<tls.TLSSocket> => {
    const socket = tls.connect(served.options(monitor));
    socket.on("error", () => undefined);
    socket.write(`GET ${VS} HTTP/1.1\r\nhost: d1\r\n\r\n`);
    await new Promise<void>((resolve, reject) => {
      socket.once("data", () => resolve());
      socket.once("close", () => reject(new Error("closed before it was answered")));
    });
    return socket;
  };

  it("hold so many connections at a time: one more is closed, and a place that is given back is had by the next", async () => {
    await up();
    const sockets: tls.TLSSocket[] = [];
    while (sockets.length < CONNECTIONS_MAX)
      sockets.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(AT_A_TIME, CONNECTIONS_MAX - sockets.length) }, resting),
        )),
      );
    await assert.rejects(resting(), /closed before it was answered/);
    assert.equal((await apiClient(served.site.socket).get(VS)).status, 200, "root is answered");
    assert.ok(sockets.every(({ destroyed }) => !destroyed));
    sockets[0]?.destroy();
    let next: tls.TLSSocket | undefined;
    for (let tries = 0; !next; tries++) {
      assert.ok(tries < 500, "no place is given back");
      next = await resting().catch(() => undefined);
    }
    for (const socket of [...sockets, next]) socket.destroy();
  }).timeout(120_000);

  it("are each told when to come again who ask for more changes than one may, whatever connections they come by", async () => {
    let nowMs = 0;
    await up({ rates: new Rates(() => nowMs) });
    const agents = Array.from({ length: 4 }, () => new https.Agent({ keepAlive: true, maxSockets: 1 }));
    const change = (index: number) =>
      served.ask(deploy, "DELETE", `${VS}/tcp-192.0.2.1-80`, { agent: agents[index % 4] });
    const burst = async (count: number) => {
      const answers = await Promise.all(Array.from({ length: count }, (_, index) => change(index)));
      return answers.filter(({ status }) => status === 429);
    };
    try {
      const refused = await burst(WRITES_BURST + 20);
      assert.equal(refused.length, 20);
      for (const { headers, body } of refused) {
        assert.equal(headers["retry-after"], "1");
        assert.equal(headers["content-type"], "application/problem+json");
        assert.match(body.detail, new RegExp(`at most ${WRITES_PER_S} writes in a second from one client`));
      }
      assert.equal((await served.ask(deploy, "GET", VS)).status, 200, "he may read");
      const other = await served.client({ names: ["deploy.example"] });
      assert.equal((await served.ask(other, "DELETE", `${VS}/tcp-192.0.2.1-80`)).status, 404);
      nowMs += 1_000;
      assert.equal((await burst(WRITES_PER_S + 1)).length, 1);
    } finally {
      for (const agent of agents) agent.destroy();
    }
  });

  it("lose their connection who leave an answer lying, and no other", async () => {
    await up({ stalledMs: 200 });
    served.site.sight.status = async () => ({ long: "x".repeat(LONG_BYTES) }) as never;
    const other = await resting();
    const accepted = once(served.server, "secureConnection") as Promise<[tls.TLSSocket]>;
    const stalled = tls.connect(served.options(monitor));
    stalled.on("error", () => undefined);
    stalled.write("GET /v1/status HTTP/1.1\r\nhost: d1\r\n\r\n");
    const [socket] = await accepted;
    // Nobody reads what comes.
    await once(socket, "close");
    assert.equal(other.destroyed, false);
    assert.equal((await served.ask(monitor, "GET", VS)).status, 200);
    for (const one of [stalled, other]) one.destroy();
  });
});
