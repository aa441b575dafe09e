import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ConfigFile as ClusterConfigFile } from "../../sdk";
import { ConfigFile, HealthCheckedService, HeyeController, LoadBalancerPool } from "../../sdk/kubernetes";
import { PROJECT_ROOT } from "../../setup/project";
import { Declarations } from "./pulumi-declarations";

const PORTS = [{ name: "http", port: 80, targetPort: 8080 }];
const ADDRESSES = ["10.1.31.158", "10.1.31.160"];
const WEB = { metadata: { name: "web", namespace: "shop" }, ports: PORTS, addresses: ADDRESSES };
const SERVICE = "kubernetes:core/v1:Service";
const SLICE = "kubernetes:discovery.k8s.io/v1:EndpointSlice";

describe("components for Kubernetes", () => {
  let made: Declarations;
  beforeEach(() => {
    made = Declarations.begin();
  });

  it("declare a Service without a selector, and its servers where only the controller looks", async () => {
    const web = new HealthCheckedService("web", { ...WEB, healthCheck: { type: "http", path: "/health" } });
    await made.settled();
    assert.deepEqual(made.types(), ["heye:kubernetes:HealthCheckedService", SERVICE, SLICE]);
    const service = made.inputs(SERVICE);
    assert.equal(service.spec.selector, undefined);
    assert.deepEqual(service.spec.ports, PORTS);
    assert.equal(service.metadata.annotations["pulumi.com/skipAwait"], "true");
    const slice = made.inputs(SLICE);
    assert.deepEqual(slice.metadata, {
      name: "web",
      namespace: "shop",
      labels: {
        "heye.io/service-name": "web",
        "service.kubernetes.io/headless": "",
        "endpointslice.kubernetes.io/skip-mirror": "true",
      },
      annotations: { "heye.io/health-check": '{"type":"http","path":"/health"}' },
    });
    assert.equal(slice.addressType, "IPv4");
    assert.deepEqual(slice.endpoints, [{ addresses: ["10.1.31.158"] }, { addresses: ["10.1.31.160"] }]);
    assert.deepEqual(slice.ports, [{ name: "http", port: 8080, protocol: "TCP" }]);
    assert.equal(await made.valueOf(web.name), "web");
  });

  it("are checked by tcp unless told otherwise, and in IPv6 too", async () => {
    new HealthCheckedService("web", { ...WEB, addresses: ["2001:db8::1"] });
    await made.settled();
    const slice = made.inputs(SLICE);
    assert.deepEqual(slice.metadata.annotations, { "heye.io/health-check": '{"type":"tcp"}' });
    assert.equal(slice.addressType, "IPv6");
  });

  it("write the annotations of HeYe's first version, on Endpoints", async () => {
    new HealthCheckedService("web", {
      ...WEB,
      kind: "Endpoints",
      healthCheckType: "http",
      calledSource: "me",
    });
    await made.settled();
    const endpoints = made.inputs("kubernetes:core/v1:Endpoints");
    assert.deepEqual(endpoints.metadata.annotations, { calledSource: "me", healthCheckType: "http" });
    assert.deepEqual(endpoints.subsets, [
      {
        addresses: [{ ip: "10.1.31.158" }, { ip: "10.1.31.160" }],
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      },
    ]);
  });

  it("keep what is secret of a check in a Secret, which one controller may read", async () => {
    const controller = { namespace: "heye-system", serviceAccountName: "heye-kubernetes" };
    new HealthCheckedService("db", {
      ...WEB,
      healthCheck: { type: "mysql", user: "heye", password: pulumi.secret("s3cret") },
      controller,
    });
    await made.settled();
    const { annotations } = made.inputs(SLICE).metadata;
    assert.equal(annotations["heye.io/health-check"], '{"type":"mysql","user":"heye"}');
    assert.equal(annotations["heye.io/health-check-secret"], "db-check");
    assert.deepEqual(made.inputs("kubernetes:core/v1:Secret").stringData, { password: "s3cret" });
    assert.ok(made.isSecret("kubernetes:core/v1:Secret", "stringData"));
    const open = made.all().filter(({ type }) => type !== "kubernetes:core/v1:Secret");
    assert.doesNotMatch(JSON.stringify(open), /s3cret/);
    assert.deepEqual(made.inputs("kubernetes:rbac.authorization.k8s.io/v1:Role").rules, [
      { apiGroups: [""], resources: ["secrets"], resourceNames: ["db-check"], verbs: ["get"] },
    ]);
    const { subjects } = made.inputs("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding");
    assert.deepEqual(subjects, [
      { kind: "ServiceAccount", name: "heye-kubernetes", namespace: "heye-system" },
    ]);
  });

  it("keep header fields secret as well, and name a Secret that is there already", async () => {
    new HealthCheckedService("web", {
      ...WEB,
      healthCheck: { type: "http", headers: { Authorization: pulumi.secret("Basic s3cret") } },
    });
    new HealthCheckedService("other", {
      ...WEB,
      healthCheck: { type: "mysql", user: "heye" },
      healthCheckSecret: "mine",
    });
    await made.settled();
    assert.deepEqual(made.inputs("kubernetes:core/v1:Secret").stringData, {
      "header.Authorization": "Basic s3cret",
    });
    assert.deepEqual(made.inputs(SLICE, "other").metadata.annotations, {
      "heye.io/health-check": '{"type":"mysql","user":"heye"}',
      "heye.io/health-check-secret": "mine",
    });
  });

  it("refuse everything that is wrong at once, by its path, before anything is made", () => {
    const wrong = {
      metadata: { name: "9web", namespace: "Shop", labels: { "bad key": "x" } },
      ports: [{ port: 80 }, { name: "a", port: 70_000 }],
      addresses: ["10.1.31.158", "127.0.0.1", "2001:db8::1"],
      healthCheck: { type: "http", path: "health" } as const,
    };
    assert.throws(
      () => new HealthCheckedService("web", wrong),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "HEYE_ARGUMENTS");
        const paths = [...error.message.matchAll(/^ {2}(.+?): /gm)].map(([, path]) => path);
        assert.deepEqual(paths.sort(), [
          "addresses[1]",
          "addresses[2]",
          "healthCheck.path",
          'metadata.labels["bad key"]',
          "metadata.name",
          "metadata.namespace",
          "ports[0].name",
          "ports[1].port",
        ]);
        return true;
      },
    );
    assert.deepEqual(made.types(), []);
  });

  it("look again at what was not known at first", async () => {
    new HealthCheckedService("web", { ...WEB, metadata: { name: pulumi.output("Web") } });
    await assert.rejects(made.settled(), /HealthCheckedService web: metadata\.name: expected up to 63/);
  });

  it("leave all else of metadata and of the Service to the user", async () => {
    new HealthCheckedService("web", {
      ...WEB,
      metadata: {
        ...WEB.metadata,
        annotations: { a: "b", "pulumi.com/skipAwait": "false" },
        finalizers: ["x/y"],
      },
      spec: { type: "LoadBalancer", loadBalancerClass: "heye.io/ipvs" },
    });
    await made.settled();
    const { metadata, spec } = made.inputs(SERVICE);
    assert.deepEqual(metadata.annotations, { a: "b", "pulumi.com/skipAwait": "false" });
    assert.deepEqual(metadata.finalizers, ["x/y"]);
    assert.deepEqual([spec.type, spec.loadBalancerClass], ["LoadBalancer", "heye.io/ipvs"]);
  });

  it("hand on providers, aliases, transformations and what they depend on to their parts", async () => {
    const provider = new k8s.Provider("elsewhere", { context: "elsewhere" });
    const first = new k8s.core.v1.Namespace("first", {});
    const seen: string[] = [];
    new HealthCheckedService("web", WEB, {
      provider,
      dependsOn: [first],
      aliases: [{ name: "old" }],
      protect: true,
      transformations: [
        ({ type, props, opts }) => {
          seen.push(type);
          return { props, opts };
        },
      ],
    });
    await made.settled();
    assert.ok(JSON.stringify(made.request("heye:kubernetes:HealthCheckedService").aliases).includes("old"));
    assert.deepEqual(seen, ["heye:kubernetes:HealthCheckedService", SERVICE, SLICE]);
    for (const type of [SERVICE, SLICE]) {
      const request = made.request(type);
      assert.match(request.provider, /::elsewhere::/);
      assert.match(request.parent, /HealthCheckedService::web$/);
      assert.ok(
        request.dependencies.some((urn) => urn.endsWith("Namespace::first")),
        type,
      );
      assert.ok(request.protect, type);
    }
  });

  it("let a Service that directors serve go before the controller, which has to take it from them", async () => {
    const controller = new HeyeController("heye", { image: "registry.example/heye-kubernetes:0.1.0" });
    const spec = { type: "LoadBalancer", loadBalancerClass: "heye.io/ipvs" };
    new HealthCheckedService("web", { ...WEB, spec, controller });
    new HealthCheckedService("inside", { ...WEB, controller });
    await made.settled();
    const waits = (name: string) =>
      made.request(SERVICE, name).dependencies.some((urn) => urn.endsWith("apps/v1:Deployment::heye"));
    assert.deepEqual(["web", "inside"].map(waits), [true, false]);
  });

  it("are a controller without rights that it does not need", async () => {
    const controller = new HeyeController("heye", { image: "heye@sha256:0" });
    await made.settled();
    assert.equal(await made.valueOf(controller.namespace), "heye-system");
    const kinds = made.types().map((type) => type.split(":").at(-1));
    assert.deepEqual(kinds.sort(), [
      "ClusterRole",
      "ClusterRoleBinding",
      "Deployment",
      "HeyeController",
      "Namespace",
      "PodDisruptionBudget",
      "Role",
      "RoleBinding",
      "Service",
      "ServiceAccount",
    ]);
    const { spec } = made.inputs("kubernetes:apps/v1:Deployment");
    assert.equal(spec.replicas, 2);
    const pod = spec.template.spec;
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.deepEqual(pod.securityContext.seccompProfile, { type: "RuntimeDefault" });
    assert.deepEqual(pod.containers[0].securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const { rules } = made.inputs("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole");
    const all = JSON.stringify(rules);
    assert.doesNotMatch(all, /"\*"|secrets|pods|nodes/);
  });

  it("are a controller of one namespace, with rights in that one alone", async () => {
    new HeyeController("heye", { image: "heye", watchNamespace: "shop" });
    await made.settled();
    assert.ok(made.types().every((type) => !type.includes(":ClusterRole")));
    const role = "kubernetes:rbac.authorization.k8s.io/v1:Role";
    assert.equal(made.inputs(role, "heye-served").metadata.namespace, "shop");
    assert.equal(made.inputs(role, "heye").metadata.namespace, "heye-system");
    const { args } = made.inputs("kubernetes:apps/v1:Deployment").spec.template.spec.containers[0];
    assert.deepEqual(args, ["kubernetes", "--listen", ":9440", "--namespace", "shop"]);
  });

  it("are a controller that tells directors, with a certificate and with rights for that", async () => {
    const urls = ["https://lb1:9443", "https://[2001:db8::1]:9443"];
    new HeyeController("heye", { image: "heye", directors: { urls, secret: "lb-client" } });
    await made.settled();
    const { spec } = made.inputs("kubernetes:apps/v1:Deployment").spec.template;
    const [{ args, volumeMounts }] = spec.containers;
    assert.deepEqual(args.slice(3), [
      ...["--director", "https://lb1:9443", "--director", "https://[2001:db8::1]:9443"],
      ...["--tls-ca", "/etc/heye/directors/ca.crt", "--tls-cert", "/etc/heye/directors/tls.crt"],
      ...["--tls-key", "/etc/heye/directors/tls.key"],
    ]);
    assert.deepEqual(volumeMounts, [{ name: "directors", mountPath: "/etc/heye/directors", readOnly: true }]);
    assert.deepEqual(spec.volumes, [
      { name: "directors", secret: { secretName: "lb-client", defaultMode: 0o440 } },
    ]);
    assert.equal(spec.securityContext.fsGroup, spec.securityContext.runAsGroup);
    const rules = (type: string, name: string) =>
      JSON.stringify(made.inputs(`kubernetes:rbac.authorization.k8s.io/v1:${type}`, name).rules);
    assert.match(rules("ClusterRole", "heye"), /"services\/status"\],"verbs":\["patch"\]/);
    assert.match(rules("ClusterRole", "heye-nodes"), /"nodes"\],"verbs":\["list","watch"\]/);
    assert.match(rules("Role", "heye"), /"configmaps"\],"verbs":\["list","watch"\]/);
  });

  it("see of a cluster no more than its nodes where they tell directors of one namespace", async () => {
    const urls = pulumi.output(["https://lb1:9443"]);
    new HeyeController("heye", { image: "heye", watchNamespace: "shop", directors: { urls } });
    await made.settled();
    const { rules } = made.inputs("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole");
    assert.deepEqual(rules, [{ apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] }]);
    const { volumes } = made.inputs("kubernetes:apps/v1:Deployment").spec.template.spec;
    assert.equal(volumes[0].secret.secretName, "heye-directors");
  });

  it("refuse directors that cannot be reached so, each with its place", () => {
    const controller = (urls: string[]) => new HeyeController("heye", { image: "heye", directors: { urls } });
    assert.throws(
      () => controller(["http://lb1:9443", "https://lb2:9443/v1", "https://me:secret@lb3"]),
      /directors\.urls\[0\]: expected https:\/\/HOST:PORT.*urls\[1\].*urls\[2\]/s,
    );
    assert.throws(
      () => controller(["https://lb1", "https://LB1:443/"]),
      /directors\.urls: expected each director once/,
    );
    assert.throws(() => controller([]), /directors\.urls: expected at least one URL/);
  });

  it("may stand in a namespace that is there already", async () => {
    new HeyeController("heye", {
      image: "heye",
      namespace: "kube-system",
      createNamespace: false,
      replicas: 3,
    });
    await made.settled();
    assert.ok(!made.types().includes("kubernetes:core/v1:Namespace"));
    assert.equal(made.inputs("kubernetes:apps/v1:Deployment").metadata.namespace, "kube-system");
  });

  it("are a pool of addresses, none of them twice", async () => {
    const controller = { namespace: "heye-system" };
    new LoadBalancerPool("public", { controller, addresses: ["192.0.2.0/28", "192.0.2.20-192.0.2.29"] });
    await made.settled();
    const { metadata, data } = made.inputs("kubernetes:core/v1:ConfigMap");
    assert.deepEqual(metadata, {
      namespace: "heye-system",
      labels: { "heye.io/load-balancer-pool": "true" },
    });
    assert.deepEqual(data, { addresses: "192.0.2.0/28\n192.0.2.20-192.0.2.29", autoAssign: "true" });
    assert.throws(
      () =>
        new LoadBalancerPool("twice", {
          controller,
          addresses: ["192.0.2.0/28", "192.0.2.8", "192.0.2.1/28"],
        }),
      /addresses\[1\]: expected addresses that no other entry has.*addresses\[2\]: expected an address, a prefix/s,
    );
  });
});

describe("files of HeYe's versions", () => {
  let made: Declarations;
  let folder: string;
  beforeEach(() => {
    made = Declarations.begin();
    folder = mkdtempSync(join(tmpdir(), "heye-files-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (text: string) => {
    const file = join(folder, "file.yaml");
    writeFileSync(file, text);
    return file;
  };

  it("become Kubernetes objects, whose Endpoints are a declaration", async () => {
    const file = join(PROJECT_ROOT, "examples", "kubernetes", "shop.yaml");
    new ConfigFile("shop", {
      file,
      resourcePrefix: "a",
      transformations: [
        (object) => {
          if (object.kind === "Service") object.metadata.labels = { team: "shop" };
        },
      ],
    });
    await made.settled();
    assert.equal(made.request(SERVICE).name, "a-shop/shop");
    const service = made.inputs(SERVICE);
    assert.deepEqual(service.metadata.labels, { team: "shop" });
    assert.equal(service.spec.ports[0].name, "ss-tcp");
    const { metadata, subsets } = made.inputs("kubernetes:core/v1:Endpoints");
    assert.equal(metadata.labels["heye.io/service-name"], "shop");
    assert.deepEqual(metadata.annotations, {
      calledSource: "kubectl-client-side-apply",
      healthCheckType: "http",
    });
    assert.equal(subsets.length, 3);
  });

  it("are refused whole, with lines", () => {
    const file = write("kind: Service\napiVersion: v1\nmetadata: { name: a }\nspec: { prots: [] }\n");
    assert.throws(
      () => new ConfigFile("shop", { file }),
      (error: Error) => {
        assert.match(error.message, /^ConfigFile shop: the file cannot be taken \[HEYE_FILE\]:\n/);
        assert.match(error.message, /file\.yaml:4: spec\.prots: no such property; expected ports, /);
        assert.match(error.message, /file\.yaml:4: spec\.ports: expected a list of ports, found nothing/);
        return true;
      },
    );
    const missing = join(folder, "none.yaml");
    assert.throws(
      () => new ConfigFile("shop", { file: missing }),
      /none\.yaml:1: expected a file that can be read/,
    );
    assert.deepEqual(made.types(), []);
  });

  it("become virtual servers of a cluster, with the program's secrets", async () => {
    const file = write(`apiVersion: heye.io/v1
kind: VirtualServer
metadata: { name: db }
spec:
  address: 192.0.2.20
  port: 3306
  healthCheck: { type: mysql, user: heye, password: !secret db }
---
apiVersion: heye.io/v1
kind: RealServer
metadata: { name: db1 }
spec: { virtualServer: db, address: 10.20.250.1 }
---
name: web
virtual_server: { ip: 192.0.2.10, port: 80 }
real_server: [{ ip: 10.20.1.1, ports: 80 }]
`);
    const handle = pulumi.secret("handle");
    const cluster = { handle } as unknown as ConstructorParameters<typeof ClusterConfigFile>[1]["cluster"];
    const shop = new ClusterConfigFile("shop", { cluster, file, secrets: { db: "s3cret" } });
    assert.ok(await pulumi.isSecret(shop.virtualServer("db").healthCheck));
    await made.settled();
    const type = "pulumi-nodejs:dynamic/heye:VirtualServer";
    assert.equal(made.inputs(type, "db").healthCheck.password, "s3cret");
    assert.equal(made.inputs(type, "db").parent, "heye:index:ConfigFile");
    assert.equal(made.inputs(type, "web").scheduler, "rr");
    assert.equal(made.inputs("pulumi-nodejs:dynamic/heye:RealServer", "db1").address, "10.20.250.1");
    assert.throws(() => shop.virtualServer("shop"), /\(db, web\), found shop/);
  });
});
