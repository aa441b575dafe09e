import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import type * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import * as z from "zod";
import { manifest } from "../../kubernetes";
import { ConfigFile, HealthCheckedService, HeyeController, LoadBalancerPool } from "../../sdk/kubernetes";
import { PROJECT_ROOT } from "../../setup/project";
import { parsePoolData } from "../../spec/kubernetes";
import { Cluster } from "./cluster";
import { ProgramStack, succeeded } from "./program-stack";
import { Replica } from "./replica";
import { addresses } from "./servers";
import { Serving } from "./serving";

after(() => Cluster.stopShared());

const TOKEN = "Bearer s3cret";
const IMAGE = "heye-kubernetes:test";

/** There are no nodes here, so nothing would ever be rolled out. */
const withoutRollout: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  if (type !== "kubernetes:apps/v1:Deployment") return undefined;
  const metadata = { ...props.metadata, annotations: { "pulumi.com/skipAwait": "true" } };
  return { props: { ...props, metadata }, opts };
};

describe("a Pulumi program with the controller", function () {
  this.slow(60_000);
  this.timeout(240_000);
  let cluster: Cluster;
  let stack: ProgramStack;
  let namespace: string;
  let server: http.Server;
  const [guarded = ""] = addresses(1);

  before(async () => {
    cluster = await Cluster.shared();
    namespace = await cluster.namespace();
    stack = await ProgramStack.create(cluster.plane.adminConfig);
    server = http.createServer(({ headers }, response) => {
      response.writeHead(headers.authorization === TOKEN ? 204 : 401).end();
    });
    server.listen(80, guarded);
    await once(server, "listening");
  });
  after(async () => {
    await stack?.remove();
    server?.closeAllConnections();
    server?.close();
  });

  const programWith =
    (directors?: readonly string[]): PulumiFn =>
    async () => {
      const controller = new HeyeController(
        "heye",
        {
          ...{ image: IMAGE, namespace, createNamespace: false },
          ...(directors && { directors: { urls: [...directors] } }),
        },
        { transformations: [withoutRollout] },
      );
      new LoadBalancerPool("public", { controller, name: "public", addresses: ["192.0.2.0/28"] });
      new HealthCheckedService("web", {
        metadata: { name: "web", namespace },
        ports: [{ name: "http", port: 80 }],
        addresses: [guarded],
        healthCheck: { type: "http", intervalMs: 100, headers: { Authorization: TOKEN } },
        controller,
      });
    };
  const program = programWith();
  const read = async (kind: string) =>
    JSON.parse(await cluster.kubectl(["get", kind, "heye-kubernetes", "-n", namespace, "-o", "json"]));
  /** A deployment of the manifest, with what the API server fills in: the same where what was asked for is. */
  const filled = async (directors?: readonly string[]) => {
    const its = manifest({ namespace, image: IMAGE, directors }).find(({ kind }) => kind === "Deployment");
    const text = JSON.stringify({ ...its, metadata: { name: "theirs", namespace } });
    return JSON.parse(await cluster.kubectl(["apply", "--dry-run=server", "-o", "json", "-f", "-"], text));
  };
  const can = async (...words: string[]) => {
    const account = `system:serviceaccount:${namespace}:heye-kubernetes`;
    const said: string = await cluster
      .kubectl(["auth", "can-i", ...words, "-n", namespace, `--as=${account}`])
      .catch((error) => String(error.stdout));
    return said.trim().split("\n").at(-1);
  };

  it("makes all that the manifest has, the same in all that matters", async () => {
    succeeded(await stack.up(program));
    assert.deepEqual(succeeded(await stack.preview(program)).steps, {});
    assert.deepEqual((await read("deployment")).spec, (await filled()).spec);
    const role = manifest({ namespace, image: IMAGE }).find(({ kind }) => kind === "Role");
    assert.deepEqual((await read("role")).rules, role?.rules);
    assert.equal((await read("poddisruptionbudget")).spec.maxUnavailable, 1);
    assert.equal((await read("service")).spec.clusterIP, "None");
  });

  it("passes the strictest level of Kubernetes' pod security", async () => {
    const text = JSON.stringify(
      JSON.parse(
        await cluster.kubectl(["get", "deployment", "heye-kubernetes", "-n", namespace, "-o", "json"]),
      ).spec.template,
    );
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      ...JSON.parse(text),
      metadata: { name: "probe", namespace },
    };
    await cluster.kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
    await cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], JSON.stringify(pod));
    const rooted = { ...pod, spec: { ...pod.spec, securityContext: {} } };
    await assert.rejects(
      cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], JSON.stringify(rooted)),
      /violates PodSecurity/,
    );
  });

  it("gives it the rights that it needs: it checks with what only a Secret holds", async () => {
    const token = await cluster.kubectl(["create", "token", "heye-kubernetes", "-n", namespace]);
    const config = cluster.plane.writeConfig("program", { token: token.trim() });
    const replica = await Replica.lead(config, "--lease-namespace", namespace);
    try {
      await new Serving(cluster, namespace, "web").untilReady([guarded]);
    } finally {
      await replica.stop();
    }
    const secrets = z
      .object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) })
      .parse(JSON.parse(await cluster.kubectl(["get", "secrets", "-n", namespace, "-o", "json"])));
    assert.equal(await can("get", `secret/${secrets.items[0]?.metadata.name}`), "yes");
    assert.equal(await can("get", "secret/other"), "no");
    assert.equal(await can("list", "secrets"), "no");
    assert.equal(await can("delete", "services"), "no");
  });

  it("makes what the manifest has for directors, with the rights for it, and takes these away again", async () => {
    const directors = ["https://192.0.2.1:9443", "https://192.0.2.2:9443"];
    const rights = () =>
      Promise.all([
        can("patch", "services"),
        can("patch", "services", "--subresource=status"),
        can("list", "nodes"),
        can("watch", "configmaps"),
      ]);
    assert.deepEqual(await rights(), ["no", "no", "no", "no"]);
    succeeded(await stack.up(programWith(directors)));
    assert.deepEqual((await read("deployment")).spec, (await filled(directors)).spec);
    assert.deepEqual(await rights(), ["yes", "yes", "yes", "yes"]);
    assert.equal(await can("patch", "nodes"), "no");
    succeeded(await stack.up(program));
    assert.deepEqual((await read("deployment")).spec, (await filled()).spec);
    assert.deepEqual(await rights(), ["no", "no", "no", "no"]);
  });

  it("leaves a pool that the controller can read", async () => {
    const list = JSON.parse(
      await cluster.kubectl([
        "get",
        "configmaps",
        "-n",
        namespace,
        "-l",
        "heye.io/load-balancer-pool=true",
        "-o",
        "json",
      ]),
    );
    const pools = z
      .object({ items: z.array(z.object({ data: z.record(z.string(), z.string()) })) })
      .parse(list);
    const { value, problems } = parsePoolData(pools.items[0]?.data ?? {});
    assert.deepEqual(
      [value, problems],
      [{ ranges: [{ first: "192.0.2.0", last: "192.0.2.15" }], autoAssign: true }, []],
    );
  });

  it("takes everything away", async () => {
    succeeded(await stack.destroy());
    const left = await cluster.kubectl([
      "get",
      "deployments,secrets,endpointslices,rolebindings",
      "-n",
      namespace,
      "-o",
      "name",
    ]);
    assert.equal(left, "");
  });
});

describe("a file of HeYe's first version in a program", function () {
  this.slow(60_000);
  this.timeout(240_000);

  it("becomes objects that the API server takes as they are", async () => {
    const cluster = await Cluster.shared();
    const stack = await ProgramStack.create(cluster.plane.adminConfig);
    await cluster.kubectl(["create", "namespace", "shop"]);
    const program: PulumiFn = async () => {
      new ConfigFile("shop", { file: `${PROJECT_ROOT}/examples/kubernetes/shop.yaml` });
    };
    try {
      assert.deepEqual(succeeded(await stack.up(program)).steps, { create: 4 });
      assert.deepEqual(succeeded(await stack.preview(program)).steps, {});
      const text = await cluster.kubectl(["get", "endpoints", "shop", "-n", "shop", "-o", "json"]);
      const { subsets } = JSON.parse(text);
      assert.equal(subsets.length, 3);
      succeeded(await stack.destroy());
    } finally {
      await stack.remove();
      await cluster.kubectl(["delete", "namespace", "shop"]);
    }
  });
});
