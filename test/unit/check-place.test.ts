import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { type Dial, directDial, runCheck, type Target } from "../../health";
import { handlerFor, UNKNOWN } from "../../provider";
import { describeCheck } from "../../provider/errors";
import { formatPath, healthCheck, parse, seal } from "../../spec";
import { never, serve, settings } from "./health-server";

describe("where a check goes", () => {
  const asked = async (check: object, target: Target): Promise<Target> => {
    const dialled: Target[] = [];
    const dial: Dial = (place) => {
      dialled.push(place);
      return Promise.reject(new Error("no"));
    };
    await runCheck(settings({ type: "tcp", ...check }), target, dial, never);
    return dialled[0] ?? target;
  };
  const own = { address: "10.0.0.1", port: 80 };

  it("is the server's own address and port, or what it names in place of them", async () => {
    assert.deepEqual(await asked({}, own), own);
    assert.deepEqual(await asked({ address: "10.9.9.9" }, own), { address: "10.9.9.9", port: 80 });
    const more = { address: "2001:DB8::9", port: 81, sourceAddress: "2001:db8::1" };
    assert.deepEqual(await asked(more, own), { ...more, address: "2001:db8::9" });
  });

  it("is told when it fails", () => {
    const text = (check: object) => describeCheck(settings({ type: "tcp", ...check }), "[2001:db8::1]:80");
    assert.equal(text({}), "tcp on [2001:db8::1]:80");
    assert.equal(text({ port: 81 }), "tcp on [2001:db8::1]:81");
    assert.equal(text({ address: "10.0.0.9" }), "tcp on 10.0.0.9:80");
  });

  it("must be an address that it can go to and come from", () => {
    const { problems } = parse(healthCheck, { type: "tcp", address: "0.0.0.0", sourceAddress: "127.0.0.1" });
    assert.deepEqual(
      problems.map(({ path, reason }) => `${formatPath(path)}: ${reason}`),
      [
        "address: expected an IPv4 or IPv6 address of a single host, found 0.0.0.0: it belongs to no host",
        "sourceAddress: expected an IPv4 or IPv6 address of a single host, found 127.0.0.1: no other host can answer to it",
      ],
    );
  });

  it("comes from the address that it names", () => {
    const server = net.createServer((socket) => socket.on("error", () => undefined));
    return serve(server, async (target) => {
      const peers: (string | undefined)[] = [];
      server.on("connection", (socket) => peers.push(socket.remoteAddress));
      const connected = once(server, "connection");
      // A silent server, so that the connection is still there when its address is read.
      const check = { ...settings({ type: "http", timeoutMs: 100 }), sourceAddress: "127.0.0.7" };
      await runCheck(check, target, directDial({ sourceAddress: "127.0.0.8" }), never);
      await connected;
      assert.deepEqual(peers, ["127.0.0.7"]);
    });
  });
});

describe("a check's sourceAddress", () => {
  const from = { type: "tcp", sourceAddress: "10.0.0.9" };
  const handle = { id: "edge-1", label: "edge", directors: [] };
  const told = (kind: "VirtualServer" | "RealServer", properties: object) =>
    handlerFor(kind)
      .check({ name: "web", ...properties })
      .problems.map(({ path, reason }) => `${formatPath(path)}: ${reason}`);
  const pool = [
    { address: "10.0.0.2", healthCheck: from },
    { address: "10.0.0.1", healthCheck: { type: "tcp" } },
  ];
  const web = { address: "192.0.2.1", port: 80 };
  const reason =
    'expected no sourceAddress: over SSH the director\'s routes choose it; leave it out, or give the Cluster mode "agent"';

  it("is refused where nobody could obey", () => {
    const one = {
      address: "10.0.0.1",
      virtualServer: { ...web, protocol: "tcp", pool: "separate" },
      healthCheck: from,
    };
    for (const cluster of [handle, { ...handle, mode: "ssh" }].map(seal)) {
      assert.deepEqual(told("VirtualServer", { ...web, cluster, healthCheck: from, realServers: pool }), [
        `healthCheck.sourceAddress: ${reason}`,
        `realServers[0].healthCheck.sourceAddress: ${reason}`,
      ]);
      assert.deepEqual(told("RealServer", { ...one, cluster }), [`healthCheck.sourceAddress: ${reason}`]);
    }
  });

  it("is taken where a daemon on the director obeys, and while nothing is known yet", () => {
    for (const cluster of [seal({ ...handle, mode: "agent" }), UNKNOWN]) {
      assert.deepEqual(told("VirtualServer", { ...web, cluster, healthCheck: from, realServers: pool }), []);
    }
    const unknown = { type: "tcp", sourceAddress: UNKNOWN };
    assert.deepEqual(told("VirtualServer", { ...web, cluster: seal(handle), healthCheck: unknown }), []);
  });
});
