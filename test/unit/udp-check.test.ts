import assert from "node:assert/strict";
import { forwardingPath } from "../../director/data";
import { SshLink } from "../../director/ssh-link";
import { declarationOf, wantedOf } from "../../kubernetes";
import { handlerFor, UNKNOWN } from "../../provider";
import { formatPath, seal } from "../../spec";
import { settings } from "./health-server";
import { endpointsOf } from "./kubernetes-objects";

const OVER_UDP = { type: "dns" };
const OVER_TCP = { type: "dns", transport: "tcp" };

const handle = { id: "edge-1", label: "edge", directors: [] };
const [overSsh, byAgents] = [handle, { ...handle, mode: "agent" }].map(seal);

const told = (kind: "VirtualServer" | "RealServer", properties: object) =>
  handlerFor(kind)
    .check({ name: "dns", ...properties })
    .problems.map(({ path, reason }) => `${formatPath(path)}: ${reason}`);

describe("a check over UDP", () => {
  const udp = { address: "192.0.2.1", port: 53, protocol: "udp" };
  const pool = [{ address: "10.0.0.2", healthCheck: OVER_UDP }, { address: "10.0.0.1" }];
  const one = { address: "10.0.0.1", virtualServer: { ...udp, pool: "separate" } };

  it("is refused where the director is asked over SSH, with both ways out", () => {
    const reason = 'expected tcp, found udp: SSH has no UDP; ask over tcp, or give the Cluster mode "agent"';
    assert.deepEqual(
      told("VirtualServer", { ...udp, cluster: overSsh, healthCheck: OVER_UDP, realServers: pool }),
      [`healthCheck.transport: ${reason}`, `realServers[0].healthCheck.transport: ${reason}`],
    );
    assert.deepEqual(told("RealServer", { ...one, cluster: overSsh, healthCheck: OVER_UDP }), [
      `healthCheck.transport: ${reason}`,
    ]);
    const asked = { ...OVER_TCP, port: 53 };
    assert.deepEqual(told("VirtualServer", { ...udp, cluster: overSsh, healthCheck: asked }), []);
    assert.deepEqual(told("RealServer", { ...one, cluster: overSsh, healthCheck: asked }), []);
  });

  it("is taken where agents ask, and while it is not known who will", () => {
    for (const cluster of [byAgents, UNKNOWN])
      assert.deepEqual(
        told("VirtualServer", { ...udp, cluster, healthCheck: OVER_UDP, realServers: pool }),
        [],
      );
    const unknown = { type: "dns", transport: UNKNOWN };
    for (const healthCheck of [unknown, UNKNOWN])
      assert.deepEqual(told("VirtualServer", { ...udp, cluster: overSsh, healthCheck }), []);
  });

  it("never reaches the session of a director, whatever was known at the preview", async () => {
    const link = new SshLink("d1", "root", () => assert.fail("it asked for a session"));
    const check = settings({ type: "dns", timeoutMs: 30_000, deadlineMs: 20, rise: 1 });
    const { healthy, answer } = await link.verdict(check, { address: "10.0.0.1", port: 53 });
    assert.deepEqual([healthy, answer], [false, "cannot connect: SSH has no UDP"]);
  });

  it("goes to the port of a server of udp by itself; over tcp, and of sctp, it needs one", () => {
    const needed = (protocol: string, healthCheck: object) =>
      told("VirtualServer", { ...udp, protocol, cluster: byAgents, healthCheck });
    assert.deepEqual(needed("udp", OVER_UDP), []);
    assert.deepEqual(needed("tcp", OVER_UDP), []);
    assert.deepEqual(needed("tcp", OVER_TCP), []);
    const reason = (protocol: string, carrier: string) => [
      `healthCheck.port: expected the port to check, found nothing: servers of ${protocol} are asked over ${carrier}, and only you know on which port`,
    ];
    assert.deepEqual(needed("udp", OVER_TCP), reason("udp", "tcp"));
    assert.deepEqual(needed("udp", { type: "tcp" }), reason("udp", "tcp"));
    assert.deepEqual(needed("sctp", OVER_UDP), reason("sctp", "udp"));
  });

  it("is made over TCP by way of the virtual address", () => {
    const check = settings(OVER_UDP);
    const member = { address: "10.0.0.1", port: 53, weight: 1, forwarding: "dr" } as const;
    const path = forwardingPath(udp, member, check);
    assert.deepEqual(path?.check, { ...check, transport: "tcp" });
    assert.equal(path?.port, 53);
  });

  it("asks the UDP ports of a Service, and its annotations need no quotes", () => {
    const annotations = { "heye.io/health-check.type": "dns", "heye.io/health-check.name": "123.example" };
    const { check, problems } = declarationOf(annotations);
    assert.deepEqual([check?.type === "dns" && check.name, problems], ["123.example", []]);
    const asked = (annotation: object) => {
      const subject = endpointsOf(["10.0.0.1"], [], { "heye.io/health-check": JSON.stringify(annotation) });
      const ports = [
        { name: "dns", port: 5353, protocol: "UDP" },
        { name: "dns-tcp", port: 5354, protocol: "TCP" },
      ];
      const groups = subject.groups.map((group) => ({ ...group, ports }));
      const service = { hasSelector: false, ports: ["dns", "dns-tcp"] };
      return [...wantedOf({ ...subject, groups }, { service }).probes.values()].map(
        ({ target }) => target.port,
      );
    };
    assert.deepEqual(asked(OVER_UDP), [5353]);
    assert.deepEqual(asked(OVER_TCP), [5354]);
  });
});
