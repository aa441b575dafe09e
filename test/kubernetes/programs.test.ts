import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { HealthCheckedService } from "../../sdk/kubernetes";
import { Cluster } from "./cluster";
import { ProgramStack, succeeded } from "./program-stack";
import { Replica } from "./replica";
import { addresses, RealServer } from "./servers";
import { Serving } from "./serving";

after(() => Cluster.stopShared());

const CHECK = { type: "http", intervalMs: 100, timeoutMs: 500 } as const;

describe("a Pulumi program with servers that are checked", function () {
  this.slow(60_000);
  this.timeout(240_000);
  const [good = "", dying = "", later = ""] = addresses(3);
  const servers: RealServer[] = [];
  let cluster: Cluster;
  let replica: Replica;
  let namespace: string;
  let web: Serving;
  let stack: ProgramStack;

  before(async () => {
    cluster = await Cluster.shared();
    replica = await Replica.lead(await cluster.accountConfig());
    namespace = await cluster.namespace();
    web = new Serving(cluster, namespace, "web");
    stack = await ProgramStack.create(cluster.plane.adminConfig);
    for (const one of [good, dying]) servers.push(await RealServer.start(one));
  });
  after(async () => {
    await stack?.remove();
    await replica?.stop();
    await Promise.all(servers.map((one) => one.die()));
  });

  const declaring =
    (of: readonly string[], name = "web", aliases: pulumi.Alias[] = []): PulumiFn =>
    async () => {
      const metadata = { name: "web", namespace };
      const ports = [{ name: "http", port: 80 }];
      new HealthCheckedService(
        name,
        { metadata, ports, addresses: [...of], healthCheck: CHECK },
        { aliases },
      );
    };

  const versions = async () => (await web.slices()).map(({ metadata }) => metadata.resourceVersion);

  it("makes a Service whose servers enter after their check", async () => {
    const { steps } = succeeded(await stack.up(declaring([good, dying])));
    assert.deepEqual(steps, { create: 4 }, "the stack, the component, its Service and its declaration");
    await web.untilReady([good, dying]);
  });

  it("sees no difference while a server is down, and does not bring it back", async () => {
    await servers[1]?.die();
    await web.untilReady([good]);
    const before = await versions();
    const same = declaring([good, dying]);
    const ready = await web.readyDuring(async () => {
      assert.deepEqual(succeeded(await stack.preview(same)).steps, {});
      assert.deepEqual(succeeded(await stack.refresh()).steps, {});
      assert.deepEqual(succeeded(await stack.preview(same)).steps, {});
      assert.deepEqual(succeeded(await stack.up(same)).steps, {});
    });
    assert.deepEqual([...ready], [good]);
    assert.deepEqual(await versions(), before);
  });

  it("changes its servers without bringing back one that is down", async () => {
    servers.push(await RealServer.start(later));
    const changed = declaring([good, dying, later]);
    const ready = await web.readyDuring(async () => {
      assert.deepEqual(succeeded(await stack.preview(changed)).steps, { update: 1 });
      assert.deepEqual(succeeded(await stack.up(changed)).steps, { update: 1 });
      await web.untilReady([good, later]);
    });
    assert.ok(!ready.has(dying), [...ready].join());
    assert.deepEqual((await web.readiness()).notReady, [dying]);
  });

  it("has its way again after somebody has edited the declaration", async () => {
    const patch = JSON.stringify({ endpoints: [{ addresses: [later] }] });
    await cluster.kubectl(["patch", "endpointslice", "web", "-n", namespace, "--type=merge", "-p", patch]);
    await web.untilReady([later]);
    assert.deepEqual(succeeded(await stack.up(declaring([dying, good]))).steps, { update: 1 });
    await web.untilReady([good]);
  });

  it("renames the component by an alias, and nothing in the cluster changes", async () => {
    const before = await versions();
    const { steps } = succeeded(await stack.up(declaring([dying, good], "shop", [{ name: "web" }])));
    assert.deepEqual(steps, {});
    assert.deepEqual(await versions(), before);
  });

  it("takes everything away", async () => {
    succeeded(await stack.destroy());
    assert.deepEqual(await web.readiness(), { ready: [], notReady: [] });
  });
});
