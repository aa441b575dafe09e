import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type {
  Cluster,
  ClusterArgs,
  ConnectionArgs,
  EtcdArgs,
  EtcdAuthArgs,
  EtcdTlsArgs,
  HealthCheckArgs,
  PoolMemberArgs,
  ProxyConnectionArgs,
  RolloutArgs,
  SettingsArgs,
  TimeoutsArgs,
  VirtualServerArgs,
} from "../../sdk";
import { presets } from "../../sdk";
import { withSecrets } from "../../sdk/health-check";
import { withSecretChecks } from "../../sdk/pool-member";
import { providerStub, typeToken } from "../../sdk/stub";
import { PROJECT_ROOT } from "../../setup/project";
import type { cluster, connection, realServer, virtualServer } from "../../spec";
import { type HealthCheckInput, healthCheck, joinCredentials, splitCredentials } from "../../spec";

/** Fails to compile unless both name the same properties. */
type SameKeys<A, B> = [KeyOf<A>] extends [KeyOf<B>] ? ([KeyOf<B>] extends [KeyOf<A>] ? true : never) : never;
/** Of every variant of a union. */
type KeyOf<T> = T extends unknown ? keyof T : never;
type Plain<T> = { [K in keyof T]: T[K] extends pulumi.Input<infer U> | undefined ? U : T[K] };

// What a program may write is what the specification takes, and what remote.Connection of @pulumi/command has.
type CommandConnection = types.input.remote.ConnectionArgs;
const sameAsSpecification: SameKeys<ConnectionArgs, z.input<typeof connection>> = true;
const sameAsCommand: SameKeys<Omit<ConnectionArgs, "insecureIgnoreHostKey">, CommandConnection> = true;
const sameProxy: SameKeys<
  Omit<ProxyConnectionArgs, "insecureIgnoreHostKey">,
  types.input.remote.ProxyConnectionArgs
> = true;
type ClusterInput = z.input<typeof cluster>;
const sameCluster: SameKeys<ClusterArgs, ClusterInput> = true;
type EtcdInput = NonNullable<ClusterInput["etcd"]>;
const sameEtcd: SameKeys<EtcdArgs, EtcdInput> = true;
const sameEtcdTls: SameKeys<EtcdTlsArgs, NonNullable<EtcdInput["tls"]>> = true;
const sameEtcdAuth: SameKeys<EtcdAuthArgs, NonNullable<EtcdInput["auth"]>> = true;
const sameSettings: SameKeys<SettingsArgs, NonNullable<ClusterInput["settings"]>> = true;
const sameTimeouts: SameKeys<TimeoutsArgs, NonNullable<ClusterInput["timeouts"]>> = true;
const sameRollout: SameKeys<RolloutArgs, NonNullable<ClusterInput["rollout"]>> = true;
const sameMember: SameKeys<PoolMemberArgs, z.input<typeof realServer>> = true;
const sameVirtualServer: SameKeys<Omit<VirtualServerArgs, "cluster">, z.input<typeof virtualServer>> = true;
/** The kinds of checks that the SDK lacks, or takes otherwise than the specification. */
type WrongChecks = {
  [T in HealthCheckInput["type"]]: [
    SameKeys<Plain<Extract<HealthCheckArgs, { type: T }>>, Extract<HealthCheckInput, { type: T }>>,
  ] extends [never]
    ? T
    : never;
}[HealthCheckInput["type"]];
const sameChecks: [WrongChecks] extends [never] ? true : WrongChecks = true;

// The wrong program does not compile.
type Tls = NonNullable<Extract<HealthCheckArgs, { type: "http" }>["tls"]>;
const checks: HealthCheckArgs[] = [
  { type: "http", method: "GET", bodyRegex: "ok", expectedStatuses: [200, "300-399"], tls: {} },
  // @ts-expect-error an answer to HEAD, the default, has no body
  { type: "http", bodyRegex: "ok" },
  // @ts-expect-error
  { type: "http", method: "HEAD", bodyRegex: "ok" },
  // @ts-expect-error a check changes nothing on the server
  { type: "http", method: "POST" },
];
const asHeye: HealthCheckArgs = { type: "http", ...presets.heyeV1 };
const settings: Tls[] = [
  { ca: "PEM", insecure: false },
  { serverName: "a.example", insecure: true },
  // @ts-expect-error with insecure nothing is verified
  { ca: "PEM", insecure: true },
];

describe("what a program imports", () => {
  it("takes the properties of the specification and of @pulumi/command's connection, no more and no fewer", () => {
    const all = [
      sameAsSpecification,
      sameAsCommand,
      sameProxy,
      sameCluster,
      sameEtcd,
      sameEtcdTls,
      sameEtcdAuth,
      sameSettings,
      sameTimeouts,
      sameRollout,
      sameMember,
      sameVirtualServer,
      sameChecks,
    ];
    assert.ok(all.every(Boolean));
  });

  it("does not compile where a check makes no sense", () => {
    assert.deepEqual([checks.length, settings.length], [4, 3]);
  });

  it("checks as HeYe's first version does by one word", () => {
    assert.deepEqual(healthCheck.parse(asHeye), {
      ...{ type: "http", method: "HEAD", path: "/", expectedStatuses: ["200-399"] },
      ...{ intervalMs: 2_000, timeoutMs: 500, rise: 5, fall: 2, deadlineMs: 30_000 },
    });
  });

  // pulumi#6490: code that was serialised into the state did a refresh long after it had been mended.
  it("leads back to the package by a text that is the same on every machine", () => {
    for (const kind of ["Cluster", "VirtualServer", "RealServer"] as const) {
      assert.equal(
        providerStub(kind),
        `exports.handler=()=>require("pulumi-heye/provider").provider("${kind}")`,
      );
      assert.equal(typeToken(kind), `pulumi-nodejs:dynamic/heye:${kind}`);
    }
  });
});

describe("credentials", () => {
  const whole = {
    connection: { user: "ops", privateKey: "k0", proxy: { host: "bastion", password: "p0" } },
    directors: [
      { name: "a", connection: { host: "10.0.0.1", privateKey: "k1", privateKeyPassword: "w1" } },
      { name: "b" },
      { name: "c", connection: { proxy: { host: "b2", privateKey: "k2" } } },
    ],
    etcd: {
      endpoints: ["https://10.0.0.5:2379"],
      tls: { ca: "ca", cert: "cert", key: "k3" },
      auth: { user: "heye", password: "p1" },
    },
    api: {
      listen: "0.0.0.0:9443",
      tls: { ca: "ca", cert: "cert", key: "k4" },
      readWrite: ["deploy"],
    },
  };

  it("are taken out everywhere, and put back where they were", () => {
    const { open, credentials } = splitCredentials(whole);
    assert.doesNotMatch(JSON.stringify(open), /"(k|p|w)\d"/);
    assert.deepEqual(credentials, {
      connection: { privateKey: "k0", proxy: { password: "p0" } },
      directors: [{ privateKey: "k1", privateKeyPassword: "w1" }, {}, { proxy: { privateKey: "k2" } }],
      etcd: { tls: { key: "k3" }, auth: { password: "p1" } },
      api: { tls: { key: "k4" } },
    });
    assert.deepEqual(joinCredentials(open, credentials), whole);
    assert.deepEqual(joinCredentials(open, JSON.parse(JSON.stringify(credentials))), whole);
  });

  it("leave a cluster without any as it is", () => {
    const bare = { connection: undefined, directors: [{ name: "a", connection: undefined }] };
    const { open, credentials } = splitCredentials(bare);
    assert.deepEqual([open, credentials], [bare, { directors: [{}] }]);
  });
});

describe("secrets of a check", () => {
  const isSecret = async (value: unknown) =>
    pulumi.Output.isInstance(value) && (await pulumi.isSecret(value));

  it("are marked: a password, and the value of each header field", async () => {
    const mysql = withSecrets({ type: "mysql", user: "a", password: "s3cret" });
    assert.ok(mysql?.type === "mysql");
    assert.ok(await isSecret(mysql.password));
    const http = withSecrets({
      type: "http",
      path: "/",
      headers: { Authorization: "s3cret", Accept: "*/*" },
    });
    assert.ok(http?.type === "http" && http.headers && !pulumi.Output.isInstance(http.headers));
    assert.equal(http.path, "/");
    const values = Object.entries(http.headers).map(async ([name, value]) => [name, await isSecret(value)]);
    assert.deepEqual(await Promise.all(values), [
      ["Authorization", true],
      ["Accept", true],
    ]);
  });

  it("are marked as a whole where their names are not known yet", async () => {
    const http = withSecrets({ type: "http", headers: pulumi.output({ Authorization: "s3cret" }) });
    assert.ok(http?.type === "http" && (await isSecret(http.headers)));
  });

  it("are marked in the checks of a pool's servers too, however the pool is given", async () => {
    const member = {
      address: "10.0.0.1",
      healthCheck: { type: "mysql", user: "a", password: "s3cret" },
    } as const;
    for (const pool of [
      [member],
      [pulumi.output(member)],
      pulumi.output([member]),
      Promise.resolve([member]),
    ]) {
      const marked = pulumi.output(withSecretChecks(pool as VirtualServerArgs["realServers"]));
      assert.ok(await isSecret(marked));
    }
    assert.ok(!(await isSecret(pulumi.output(withSecretChecks([{ address: "10.0.0.1" }])))));
  });
});

/** Each line that must not compile stands below an @ts-expect-error: when it compiles all the same, the build fails. */
function wrongPrograms(cluster: Cluster): unknown[] {
  const web = { cluster, address: "192.0.2.1", port: 80 } as const;
  return [
    // @ts-expect-error address and port, or a firewall mark: not both
    { ...web, fwmark: 7 } satisfies VirtualServerArgs,
    // @ts-expect-error one of the two is needed
    { cluster } satisfies VirtualServerArgs,
    // @ts-expect-error a family belongs to a firewall mark
    { ...web, family: "ipv6" } satisfies VirtualServerArgs,
    // @ts-expect-error flags of another scheduler
    { ...web, scheduler: "mh", schedulerFlags: ["sh-port"] } satisfies VirtualServerArgs,
    // @ts-expect-error a scheduler without flags
    { ...web, scheduler: "rr", schedulerFlags: ["sh-port"] } satisfies VirtualServerArgs,
    // @ts-expect-error nat has no tunnel
    { address: "10.0.0.1", forwarding: "nat", tunnel: { type: "gre" } } satisfies PoolMemberArgs,
    // @ts-expect-error gue needs its port
    { address: "10.0.0.1", forwarding: "tun", tunnel: { type: "gue" } } satisfies PoolMemberArgs,
    {
      address: "10.0.0.1",
      forwarding: "tun",
      // @ts-expect-error gre has no remote checksum
      tunnel: { type: "gre", checksum: "remote" },
    } satisfies PoolMemberArgs,
    // @ts-expect-error ipip has no port
    { address: "10.0.0.1", forwarding: "tun", tunnel: { type: "ipip", port: 1 } } satisfies PoolMemberArgs,
    // @ts-expect-error no such scheduler
    { ...web, scheduler: "best" } satisfies VirtualServerArgs,
  ];
}

describe("types", () => {
  it("let no wrong program compile (checked by the compiler)", () => {
    assert.equal(typeof wrongPrograms, "function");
  });
});

describe("what a program loads", () => {
  const loadedBy = (door: string): string[] => {
    const script = `require(${JSON.stringify(join(PROJECT_ROOT, "dist", "sdk", door))}); console.log(Object.keys(require.cache).join("\\n"))`;
    const { stdout, status, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout.split("\n");
  };
  const has = (files: readonly string[], name: string) =>
    files.some((file) => file.includes(`/node_modules/${name}/`));

  it("is neither @pulumi/kubernetes nor the reader of YAML where it uses none of both", () => {
    const files = loadedBy("index.js");
    assert.ok(has(files, "@pulumi/pulumi"));
    for (const name of ["@pulumi/kubernetes", "yaml"]) assert.ok(!has(files, name), name);
  });

  it("is @pulumi/kubernetes by a door of its own, which is an optional peer", () => {
    assert.ok(has(loadedBy(join("kubernetes", "index.js")), "@pulumi/kubernetes"));
    const { exports, peerDependenciesMeta } = z
      .object({
        exports: z.record(z.string(), z.unknown()),
        peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.boolean() })),
      })
      .parse(JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")));
    assert.ok(exports["./kubernetes"]);
    assert.deepEqual(peerDependenciesMeta["@pulumi/kubernetes"], { optional: true });
  });
});
