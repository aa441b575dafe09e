import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ExampleStack } from "../pulumi/example-stack";
import { Cluster } from "./cluster";
import { pluginSettings, succeeded } from "./program-stack";
import { Replica } from "./replica";
import { addresses, RealServer } from "./servers";
import { Serving } from "./serving";

after(() => Cluster.stopShared());

describe("the example kubernetes", function () {
  this.slow(60_000);
  this.timeout(240_000);
  const [first = "", second = "", third = "", database = ""] = addresses(4);
  const shop: RealServer[] = [];
  const kubeconfig = process.env.KUBECONFIG;
  let cluster: Cluster;
  let replica: Replica;
  let stack: ExampleStack;

  before(async () => {
    cluster = await Cluster.shared();
    replica = await Replica.lead(await cluster.accountConfig());
    await cluster.kubectl(["create", "namespace", "shop"]);
    process.env.KUBECONFIG = cluster.plane.adminConfig;
    const values = { controllerIsThere: "true", databaseServers: [database] };
    stack = await ExampleStack.create("kubernetes", { values, secrets: { databasePassword: "s3cret" } });
    const project = join(stack.folder, "Pulumi.yaml");
    const plugins = JSON.stringify(await pluginSettings());
    await writeFile(project, `${await readFile(project, "utf8")}plugins: ${plugins}\n`);
    // The file's own addresses are nobody's here.
    const file = join(stack.folder, "shop.yaml");
    const ours = { "10.1.31.158": first, "10.1.31.160": second, "10.1.31.154": third };
    const text = await readFile(file, "utf8");
    await writeFile(
      file,
      text.replace(/10\.1\.31\.\d+/g, (one) => ours[one as keyof typeof ours]),
    );
    for (const [address, port] of [
      [first, 9_090],
      [second, 80],
    ] as const)
      shop.push(await RealServer.start(address, port));
  });
  after(async () => {
    await stack?.remove();
    if (kubeconfig === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = kubeconfig;
    await replica?.stop();
    await cluster?.kubectl(["delete", "namespace", "shop"]);
    await Promise.all(shop.map((one) => one.die()));
  });

  it("lets servers into the Services that have passed their checks, and says who has not", async () => {
    succeeded(await stack.up());
    await new Serving(cluster, "shop", "shop").untilReady([first, second]);
    const its = new Serving(cluster, "shop", "database");
    assert.deepEqual(await its.readiness(), { ready: [], notReady: [database] });
    assert.deepEqual((await new Serving(cluster, "shop", "shop").readiness()).notReady, [third]);
    const outputs = await stack.outputs();
    assert.match(String(outputs.services?.value.shop), /^10\.11\./);
  });

  it("has nothing to do while one of them is down", async () => {
    await shop[0]?.die();
    await new Serving(cluster, "shop", "shop").untilReady([second]);
    assert.deepEqual(succeeded(await stack.preview()).steps, {});
  });

  it("tells a mistake in its file with the line, and makes nothing", async () => {
    const file = join(stack.folder, "shop.yaml");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace("healthCheckType: http", "healthCheckTyp: http"));
    const { ok, output } = await stack.preview();
    assert.equal(ok, false);
    assert.match(
      output,
      /shop\.yaml:\d+: metadata\.annotations\.healthCheckType: expected one of http, tcp, mysql, found nothing/,
    );
    await writeFile(file, text);
  });

  it("takes everything away", async () => {
    succeeded(await stack.destroy());
    assert.equal(
      await cluster.kubectl(["get", "services,endpoints,endpointslices,secrets", "-n", "shop", "-o", "name"]),
      "",
    );
  });
});
