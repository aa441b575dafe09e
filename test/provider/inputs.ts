import * as fc from "fast-check";
import type { ResourceKind } from "../../provider";
import { type Family, SCHEDULERS } from "../../spec";

/** Inputs of a resource as a program gives them. */
export type Inputs = Record<string, unknown>;

/** Stands in every secret; must never be seen again. */
export const PLANTED = "pl4nted";

const PLAIN = { noNullPrototype: true };
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHJkFCMYAKBkYfXWTbRYIsFfaGPtj5jnIXMKbhvlCRNN";

export const CLUSTER = {
  id: "edge-1",
  label: "shop/prod Cluster edge",
  directors: [
    {
      name: "lb1",
      connection: { host: "127.0.0.1", port: 1, privateKey: PLANTED, hostKey: HOST_KEY, dialErrorLimit: 1 },
    },
  ],
};

/** Some fields of a record, each left out now and then. */
function some<T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(fields, { ...PLAIN, requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const byte = fc.integer({ min: 1, max: 254 });
const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16));
const port = fc.oneof(fc.constantFrom(1, 80, 443, 65_535), fc.integer({ min: 1, max: 65_535 }));

/** Addresses of servers and virtual servers, IPv6 ones in any of their spellings. */
const addresses: Record<Family, fc.Arbitrary<string>> = {
  ipv4: fc.tuple(byte, byte, byte).map(([a, b, c]) => `10.${a}.${b}.${c}`),
  ipv6: fc
    .tuple(group, group, fc.constantFrom("fd00::A:B", "FD00:0:0::a:b", "fd00:0000:0000:0000:000a:000b"))
    .map(([a, b, head]) => `${head}:${a}:${b}`),
};

const timing = some({
  intervalMs: fc.integer({ min: 1, max: 1_000 }),
  timeoutMs: fc.integer({ min: 1, max: 60_000 }),
  rise: fc.integer({ min: 1, max: 5 }),
  fall: fc.integer({ min: 1, max: 100 }),
});

/** Checks that name their port, so that they can be made for any virtual server. */
const healthCheck: fc.Arbitrary<Inputs> = fc.oneof(
  fc.constant({ type: "none" }),
  fc.tuple(port, timing).map(([number, rest]) => ({ type: "tcp", port: number, ...rest })),
  fc
    .tuple(
      port,
      timing,
      some({
        path: fc.constantFrom("/", "/health?deep=1"),
        host: fc.constant("www.example.com"),
        headers: fc.constant({ "X-Token": PLANTED }),
        expectedStatuses: fc.constantFrom([204], ["200-299", 301], [300, "200-299"]),
        tls: fc.constantFrom<Inputs>({}, { insecure: true }, { serverName: "www.example.com" }),
      }),
    )
    .map(([number, rest, http]) => ({ type: "http", port: number, ...rest, ...http })),
  fc
    .tuple(port, timing, some({ name: fc.constantFrom(".", "WWW.example."), recordType: fc.constant("A") }))
    .map(([number, rest, dns]) => ({ type: "dns", transport: "tcp", port: number, ...rest, ...dns })),
  fc
    .tuple(port, timing, some({ password: fc.constant(PLANTED), query: fc.constant("SELECT 2") }))
    .map(([number, rest, mysql]) => ({ type: "mysql", user: "heye", port: number, ...rest, ...mysql })),
);

const tunnel: fc.Arbitrary<Inputs> = fc.oneof(
  fc.constantFrom<Inputs>({}, { type: "ipip" }, { type: "gre" }, { type: "gre", checksum: "normal" }),
  fc
    .tuple(port, fc.constantFrom("none", "normal", "remote"))
    .map(([number, checksum]) => ({ type: "gue", port: number, checksum })),
);

const memberSettings = some<Inputs>({
  weight: fc.oneof(fc.constantFrom(0, 1, 65_535), fc.integer({ min: 0, max: 65_535 })),
  thresholds: fc
    .tuple(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.constantFrom(0, 0.5, 1))
    .map(([upper, share]) => ({ upperThreshold: upper, lowerThreshold: Math.floor(upper * share) })),
  drainMs: fc.integer({ min: 0, max: 3_600_000 }),
  healthCheck,
  tunnel,
  ownPort: port,
});

interface Outer {
  readonly family: Family;
  /** undefined: a firewall mark. */
  readonly port: number | undefined;
}

/** A server that such a virtual server can have. */
function member(outer: Outer): fc.Arbitrary<Inputs> {
  const method = fc.constantFrom("nat", "nat", "dr", "tun", undefined);
  return fc
    .tuple(method, fc.boolean(), memberSettings, addresses.ipv4, addresses.ipv6)
    .map(([forwarding, isMixed, { thresholds, tunnel: wrapped, ownPort, ...rest }, v4, v6]) => {
      const isTun = forwarding === "tun";
      const isIPv6 = (outer.family === "ipv6") !== (isTun && isMixed);
      const takesPort = forwarding !== "dr" && !isTun && outer.port !== 0;
      return {
        ...rest,
        ...(thresholds as object),
        address: isIPv6 ? v6 : v4,
        ...(forwarding && { forwarding }),
        ...(isTun && wrapped ? { tunnel: wrapped } : {}),
        ...(takesPort && ownPort ? { port: ownPort } : {}),
      };
    });
}

const identity: fc.Arbitrary<{ outer: Outer; fields: Inputs }> = fc
  .tuple(
    fc.constantFrom<Family>("ipv4", "ipv6"),
    fc.constantFrom("tcp", "tcp", "udp", "sctp", "fwmark", undefined),
    fc.oneof({ weight: 6, arbitrary: port }, fc.constant(0)),
    fc.oneof(fc.constantFrom(1, 2 ** 31, 2 ** 32 - 1), fc.integer({ min: 1, max: 2 ** 32 - 1 })),
  )
  .chain(([family, protocol, number, fwmark]) =>
    addresses[family].map((address) =>
      protocol === "fwmark"
        ? { outer: { family, port: undefined }, fields: { fwmark, ...(family === "ipv6" && { family }) } }
        : {
            outer: { family, port: number },
            fields: { address, port: number, ...(protocol && { protocol }) },
          },
    ),
  );

function persistence({ family }: Outer, isUdp: boolean): fc.Arbitrary<Inputs> {
  const width =
    family === "ipv4"
      ? fc.constantFrom<Inputs>(
          {},
          { netmask: "255.255.255.0" },
          { netmask: "255.255.255.255" },
          { prefixLength: 9 },
        )
      : fc.constantFrom<Inputs>({}, { prefixLength: 64 }, { prefixLength: 128 });
  const timeoutS = some({ timeoutS: fc.integer({ min: 1, max: 31 * 86_400 }) });
  const engine = some({ engine: fc.constant("sip") });
  return fc.tuple(width, timeoutS, engine).map(([a, b, c]) => ({ ...a, ...b, ...(isUdp && c) }));
}

const scheduling: fc.Arbitrary<Inputs> = fc
  .tuple(fc.option(fc.constantFrom(...SCHEDULERS)), fc.subarray(["port", "fallback"]), fc.boolean())
  .map(([scheduler, flags, isReversed]) => {
    if (scheduler !== "mh" && scheduler !== "sh") return scheduler === null ? {} : { scheduler };
    const schedulerFlags = flags.map((flag) => `${scheduler}-${flag}`);
    return { scheduler, schedulerFlags: isReversed ? schedulerFlags.reverse() : schedulerFlags };
  });

/** Inputs of a VirtualServer with which nothing is wrong. */
export const goodVirtualServer: fc.Arbitrary<Inputs> = identity.chain(({ outer, fields }) => {
  const isUdp = fields.protocol === "udp" || outer.port === undefined;
  const pool = fc.uniqueArray(member(outer), { selector: ({ address }) => address, maxLength: 4 });
  const options = some<Inputs>({
    persistence: persistence(outer, isUdp),
    onePacket: isUdp ? fc.boolean() : fc.constant(false),
    quorum: some<Inputs>({ weight: fc.constantFrom(1, 10), hysteresis: fc.constantFrom(0, 3) }),
    sorryServer: addresses[outer.family].map((address) => ({ address })),
    healthCheck,
    adopt: fc.boolean(),
    realServers: pool,
  });
  return fc.tuple(options, scheduling).map(([rest, scheduler]) => ({
    name: "web",
    cluster: CLUSTER,
    ...fields,
    ...scheduler,
    ...rest,
    ...(outer.port === 0 && !rest.persistence && { persistence: {} }),
  }));
});

/** Inputs of a RealServer with which nothing is wrong. */
const goodRealServer: fc.Arbitrary<Inputs> = identity.chain(({ outer, fields }) =>
  fc.tuple(member(outer), healthCheck, fc.boolean()).map(([server, check, adopt]) => ({
    name: "s1",
    cluster: CLUSTER,
    virtualServer: { ...fields, pool: "separate" },
    healthCheck: check,
    ...server,
    ...(adopt && { adopt }),
  })),
);

const secrets = fc.constantFrom<Inputs>({ privateKey: PLANTED }, { password: PLANTED });
const connection = some<Inputs>({
  port,
  user: fc.constantFrom("root", "ops"),
  dialErrorLimit: fc.integer({ min: -1, max: 10 }),
  proxy: secrets.map((login) => ({ host: "bastion", hostKey: HOST_KEY, ...login })),
});
const clusterOptions = some<Inputs>({
  connection,
  settings: some<Inputs>({
    modules: fc.constantFrom(["ip_vs_mh"], ["ip-vs-rr", "nf_conntrack"]),
    ipForward: fc.boolean(),
    sloppyTcp: fc.boolean(),
    connReuseMode: fc.constantFrom(0, 1, 2),
    sysctls: fc.constant({ "net.ipv4.vs.drop_entry": "1" }),
  }),
  timeouts: some<Inputs>({ tcpS: fc.constant(900), udpS: fc.constant(30) }),
  restoreAtBoot: fc.boolean(),
  addresses: fc.constantFrom("none", "lo", "dummy"),
  install: fc.boolean(),
  coexist: fc.subarray(["keepalived", "kube-proxy"]),
  rollout: some<Inputs>({
    canary: fc.constant(1),
    waveSize: fc.constant(8),
    pauseMs: fc.constant(10),
    maxFailures: fc.constant(0),
  }),
  unreachable: fc.constantFrom("fail", "skip"),
});

/** Inputs of a Cluster with which nothing is wrong. */
const goodCluster: fc.Arbitrary<Inputs> = fc
  .tuple(fc.integer({ min: 1, max: 5 }), clusterOptions, secrets)
  .map(([count, options, login]) => {
    const directors = Array.from({ length: count }, (_, index) => ({
      name: `lb${index}`,
      connection: { host: `10.9.9.${index + 1}`, hostKey: HOST_KEY },
    }));
    return {
      name: "edge",
      label: "l",
      ...options,
      directors,
      credentials: { directors: directors.map(() => login) },
    };
  });

/** Inputs with which nothing is wrong, by the kind of resource. */
export const GOOD: Readonly<Record<ResourceKind, fc.Arbitrary<Inputs>>> = {
  VirtualServer: goodVirtualServer,
  RealServer: goodRealServer,
  Cluster: goodCluster,
};
