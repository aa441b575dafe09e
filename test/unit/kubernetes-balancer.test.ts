import assert from "node:assert/strict";
import * as fc from "fast-check";
import { allot } from "../../kubernetes/balancer/addresses";
import { addressOfId, readClaims, writeClaims } from "../../kubernetes/balancer/claims";
import { changeMs } from "../../kubernetes/balancer/director-client";
import { directorSteps } from "../../kubernetes/balancer/director-steps";
import { balancedServiceObject } from "../../kubernetes/balancer/objects";
import { type Held, plansOf, serviceWrite, type World } from "../../kubernetes/balancer/plan";
import {
  type BalancedNode,
  type BalancedService,
  balancedServiceOf,
  type ServingSlice,
} from "../../kubernetes/balancer/service";
import { virtualServersOf } from "../../kubernetes/balancer/virtual-servers";
import type { VirtualServer } from "../../spec";
import { parsePoolData } from "../../spec/kubernetes";

/** A Service as an API server has it. */
function object(name: string, spec: object = {}, metadata: object = {}, ips: readonly string[] = []) {
  return balancedServiceObject.parse({
    metadata: { name, namespace: "shop", uid: name, resourceVersion: "1", ...metadata },
    spec: {
      ...{ type: "LoadBalancer", loadBalancerClass: "heye.io/ipvs", ipFamilies: ["IPv4"] },
      ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30_080 }],
      ...spec,
    },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  });
}

function service(...args: Parameters<typeof object>): BalancedService {
  const made = balancedServiceOf(object(...args));
  assert.ok(made);
  return made;
}

const pool = (name: string, addresses: string, autoAssign = true) => {
  const { value, problems } = parsePoolData({ addresses, autoAssign: String(autoAssign) });
  assert.deepEqual(problems, []);
  return { name, ...value };
};

const NODES: BalancedNode[] = [
  { name: "n1", addresses: ["10.0.0.1", "fd00::1"] },
  { name: "n2", addresses: ["10.0.0.2"] },
];
const SLICES: ServingSlice[] = [
  {
    service: "shop/web",
    family: "ipv4",
    endpoints: [{ address: "10.244.0.7", node: "n2" }],
    ports: [{ name: "http", protocol: "tcp", port: 8080 }],
  },
];

const world = (services: readonly BalancedService[], more: Partial<World> = {}): World => ({
  services,
  slices: SLICES,
  nodes: NODES,
  pools: [pool("public", "192.0.2.1-192.0.2.4\n2001:db8::1")],
  directors: new Map([["lb1", () => "absent"]]),
  used: new Set(),
  before: new Map(),
  ...more,
});

const places = (server: VirtualServer | undefined) =>
  server?.realServers?.map(({ address, port }) => `${address} ${port}`);

describe("addresses of Services", () => {
  const basis = { pools: [pool("a", "192.0.2.0/29")], before: new Map(), taken: new Set<string>() };

  it("no address is given twice, none changes, whatever Services there are and come", async () => {
    const arbitrary = fc.array(
      fc.record({
        asked: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 4 }),
        told: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 3 }),
        at: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.property(arbitrary, arbitrary, (first, later) => {
        const make =
          (from: string) => (one: { asked: number | null; told: number | null; at: number }, index: number) =>
            service(
              `${from}${index}`,
              one.asked === null ? {} : { loadBalancerIP: `192.0.2.${one.asked}` },
              { creationTimestamp: `2026-01-0${one.at + 1}T00:00:00Z` },
              one.told === null ? [] : [`192.0.2.${one.told}`],
            );
        const services = first.map(make("first"));
        const before = allot({ ...basis, services });
        const given = [...before.values()].flatMap(({ addresses }) => addresses);
        assert.equal(new Set(given).size, given.length);
        for (const { addresses, problems } of before.values())
          assert.ok(addresses.length === 1 || problems.length > 0);
        // Those that were given theirs, and new ones that have none yet, however old they say they are.
        const told = services.map((one) => ({ ...one, told: before.get(one.uid)?.addresses ?? [] }));
        const fresh = later.map(make("later")).map((one) => ({ ...one, told: [] }));
        const remembered = new Map([...before].map(([uid, { addresses }]) => [uid, addresses]));
        for (const all of [
          allot({ ...basis, services: [...fresh, ...told] }),
          allot({
            ...basis,
            services: [...fresh, ...services.map((one) => ({ ...one, told: [] }))],
            before: remembered,
          }),
        ]) {
          const again = [...all.values()].flatMap(({ addresses }) => addresses);
          assert.equal(new Set(again).size, again.length);
          // Who has not what it asks for may get that now.
          for (const [uid, { addresses, problems }] of before)
            if (problems.length === 0) assert.deepEqual(all.get(uid)?.addresses, addresses);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("tells who gets none, and gives none that a director uses or still has for another Service", () => {
    const services = [
      service(
        "gone",
        { type: "ClusterIP", loadBalancerClass: null },
        {
          finalizers: ["heye.io/ipvs"],
          annotations: { "heye.io/virtual-servers": '{"tcp-192.0.2.1-80":["lb1"]}' },
        },
      ),
      service("a"),
      service("b"),
    ];
    const pools = [pool("p", "192.0.2.1-192.0.2.3")];
    const given = allot({ services, pools, before: new Map(), taken: new Set(["192.0.2.2"]) });
    assert.deepEqual(given.get("a")?.addresses, ["192.0.2.3"]);
    assert.deepEqual(given.get("b"), {
      addresses: [],
      problems: ["shop/b: no pool has an IPv4 address left"],
    });
  });

  it("gives none before all directors were asked what they have; what Services have they keep", () => {
    const claimed = {
      finalizers: ["heye.io/ipvs"],
      annotations: { "heye.io/virtual-servers": '{"tcp-192.0.2.3-80":["lb1"]}' },
    };
    const asking = { annotations: { "heye.io/addresses": "192.0.2.2" } };
    const services = [service("old", {}, claimed), service("new"), service("asks", {}, asking)];
    const given = (mayGive: boolean) => {
      const all = allot({ ...basis, services, mayGive });
      return services.map(({ uid }) => all.get(uid));
    };
    const [old, ...fresh] = given(false);
    assert.deepEqual(old, { addresses: ["192.0.2.3"], problems: [] });
    for (const one of fresh) assert.deepEqual(one, { addresses: [], problems: [] });
    assert.deepEqual(
      given(true).map((one) => one?.addresses),
      [["192.0.2.3"], ["192.0.2.0"], ["192.0.2.2"]],
    );
  });

  it("takes the pool and the addresses that are asked for", () => {
    const pools = [pool("auto", "192.0.2.1\n2001:db8::1"), pool("own", "198.51.100.1-198.51.100.9", false)];
    const annotated = (name: string, annotations: object, spec: object = {}) =>
      service(name, spec, { annotations });
    const services = [
      annotated("pool", { "heye.io/pool": "own" }),
      annotated("address", { "heye.io/addresses": "198.51.100.7" }),
      annotated("both", { "heye.io/addresses": "2001:DB8:0::1" }, { ipFamilies: ["IPv6", "IPv4"] }),
      annotated("far", { "heye.io/addresses": "203.0.113.1" }),
      annotated("none", { "heye.io/pool": "other" }),
    ];
    const given = allot({ services, pools, before: new Map(), taken: new Set() });
    const addresses = services.map(({ uid }) => given.get(uid)?.addresses);
    assert.deepEqual(addresses, [["198.51.100.1"], ["198.51.100.7"], ["2001:db8::1", "192.0.2.1"], [], []]);
    assert.match(String(given.get("far")?.problems), /expected an address of a pool, found 203\.0\.113\.1/);
    assert.match(
      String(given.get("none")?.problems),
      /heye\.io\/pool: expected the name of a pool, found "other"/,
    );
  });
});

describe("virtual servers of Services", () => {
  const of = (made: BalancedService, addresses = ["192.0.2.1"]) =>
    virtualServersOf(made, addresses, { slices: SLICES, nodes: NODES });
  const only = (made: BalancedService) => of(made).servers.get("tcp-192.0.2.1-80");

  it("node ports of all nodes, of those with a ready endpoint, or the endpoints themselves", () => {
    assert.deepEqual(places(only(service("web"))), ["10.0.0.1 30080", "10.0.0.2 30080"]);
    assert.deepEqual(places(only(service("web", { externalTrafficPolicy: "Local" }))), ["10.0.0.2 30080"]);
    const annotations = { "heye.io/real-servers": "endpoints" };
    assert.deepEqual(places(only(service("web", {}, { annotations }))), ["10.244.0.7 8080"]);
  });

  it("with Local only nodes that have a ready endpoint, whatever endpoints there are", async () => {
    const names = ["n1", "n2", "n3"];
    const nodes = names.map((name, index) => ({ name, addresses: [`10.0.0.${index + 1}`] }));
    const made = service("web", { externalTrafficPolicy: "Local" });
    await fc.assert(
      fc.property(fc.array(fc.constantFrom(...names, undefined)), (on) => {
        const [slice] = SLICES;
        assert.ok(slice);
        const endpoints = on.map((node, index) => ({ address: `10.244.0.${index + 1}`, node }));
        const { servers } = virtualServersOf(made, ["192.0.2.1"], {
          slices: [{ ...slice, endpoints }],
          nodes,
        });
        const expected = nodes
          .filter(({ name }) => on.includes(name))
          .map(({ addresses: [one] }) => `${one} 30080`);
        assert.deepEqual(places(servers.get("tcp-192.0.2.1-80")), expected);
      }),
      { numRuns: 100 },
    );
  });

  it("one for each port and family, with persistence as the affinity says", () => {
    const made = service("web", {
      ...{ ipFamilies: ["IPv4", "IPv6"], sessionAffinity: "ClientIP" },
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
      ports: [
        { name: "dns", protocol: "UDP", port: 53, nodePort: 30_053 },
        { name: "sig", protocol: "SCTP", port: 132, nodePort: 30_132 },
      ],
    });
    const { servers, problems } = of(made, ["192.0.2.1", "2001:db8::1"]);
    assert.deepEqual(problems, []);
    const ids = ["udp-192.0.2.1-53", "sctp-192.0.2.1-132", "udp-[2001:db8::1]-53", "sctp-[2001:db8::1]-132"];
    assert.deepEqual([...servers.keys()], ids);
    assert.deepEqual(ids.map(addressOfId), ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1"]);
    assert.deepEqual(servers.get("udp-192.0.2.1-53")?.persistence, { timeoutS: 600, prefixLength: 32 });
    assert.deepEqual(places(servers.get("sctp-[2001:db8::1]-132")), ["fd00::1 30132"]);
  });

  it("annotations are held to the specification; nothing is changed by bad ones", () => {
    const annotations = {
      "heye.io/scheduler": "wrr",
      "heye.io/virtual-server": '{"quorum":{"weight":2}}',
      "heye.io/real-server": '{"weight":5,"drainMs":1000}',
      "heye.io/health-check": '{"type":"http","path":"/up"}',
    };
    const good = only(service("web", {}, { annotations }));
    assert.equal(good?.scheduler, "wrr");
    assert.deepEqual(good?.quorum, { weight: 2, hysteresis: 0 });
    assert.equal(good?.healthCheck.type, "http");
    assert.deepEqual(
      good?.realServers?.map(({ weight, drainMs }) => [weight, drainMs]),
      [
        [5, 1000],
        [5, 1000],
      ],
    );
    for (const [name, text, said] of [
      ["scheduler", "best", /^heye\.io\/scheduler: expected one of/],
      ["forwarding", "nut", /^heye\.io\/forwarding: expected/],
      ["virtual-server", "{", /^heye\.io\/virtual-server: expected an object as JSON/],
      [
        "virtual-server",
        '{"address":"192.0.2.9"}',
        /^heye\.io\/virtual-server: address follows from the Service/,
      ],
      ["virtual-server", '{"quorom":{}}', /^heye\.io\/virtual-server: quorom: /],
      ["real-server", '{"weight":-1}', /^heye\.io\/real-server: weight: expected/],
      ["real-servers", "pods", /^heye\.io\/real-servers: expected nodes or endpoints/],
    ] as const) {
      const { servers, problems } = of(service("web", {}, { annotations: { [`heye.io/${name}`]: text } }));
      assert.match(problems[0] ?? "", said);
      assert.deepEqual([...servers], [["tcp-192.0.2.1-80", undefined]]);
    }
    assert.match(
      String(of(service("web", { loadBalancerSourceRanges: ["10.0.0.0/8"] })).problems),
      /SourceRanges/,
    );
  });
});

describe("what is written of Services, and told to directors", () => {
  const finalizers = ["heye.io/ipvs"];
  const claimed = { finalizers, annotations: { "heye.io/virtual-servers": '{"tcp-192.0.2.1-80":["lb1"]}' } };
  const plan = (one: BalancedService, held: Held = "absent", used: readonly string[] = []) =>
    plansOf(world([one], { directors: new Map([["lb1", () => held]]), used: new Set(used) }));
  const write = (...args: Parameters<typeof plan>) => serviceWrite([...plan(...args).values()][0] as never);
  const steps = (one: BalancedService, held: Held, refused: readonly string[] = []) =>
    directorSteps(
      "lb1",
      plan(one, held),
      () => held,
      () => new Set(refused),
    );
  const standing = () =>
    plan(service("web")).get("shop/web")?.wanted.get("tcp-192.0.2.1-80") as VirtualServer;

  it("claims first, the address then, and nothing when all is so", () => {
    const metadata = { resourceVersion: "1", annotations: claimed.annotations, finalizers };
    assert.deepEqual(write(service("web")), { subresource: "", patch: { metadata } });
    assert.deepEqual(steps(service("web"), "absent"), []);
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
    const patch = { metadata: { resourceVersion: "1" }, status };
    assert.deepEqual(write(service("web", {}, claimed)), { subresource: "status", patch });
    const settled = service("web", {}, claimed, ["192.0.2.1"]);
    assert.equal(write(settled), undefined);
    assert.deepEqual(steps(settled, "absent"), [
      { kind: "put", id: "tcp-192.0.2.1-80", service: "shop/web", bodies: [standing()] },
    ]);
    assert.deepEqual(steps(settled, standing()), []);
    assert.equal(write(settled, "unknown"), undefined);
  });

  it("a Service that is no longer served loses its address, its virtual servers, and the finalizer last", () => {
    const leaving = { ...claimed, deletionTimestamp: "2026-01-01T00:00:00Z" };
    const told = service("web", {}, leaving, ["192.0.2.1", "203.0.113.1"]);
    const status = { loadBalancer: { ingress: [{ ip: "203.0.113.1" }] } };
    assert.deepEqual(write(told, standing()), {
      subresource: "status",
      patch: { metadata: { resourceVersion: "1" }, status },
    });
    const untold = service("web", {}, leaving);
    for (const held of [standing(), "unknown"] as const) assert.equal(write(untold, held), undefined);
    assert.deepEqual(steps(untold, standing()), [
      { kind: "delete", id: "tcp-192.0.2.1-80", service: "shop/web" },
    ]);
    assert.deepEqual(steps(untold, "unknown"), []);
    const metadata = {
      resourceVersion: "1",
      annotations: { "heye.io/virtual-servers": null },
      finalizers: [],
    };
    assert.deepEqual(write(untold, "absent"), { subresource: "", patch: { metadata } });
    const elsewhere = {
      ...leaving,
      annotations: { "heye.io/virtual-servers": '{"tcp-192.0.2.1-80":["lb9"]}' },
    };
    assert.deepEqual(write(service("web", {}, elsewhere), "absent"), {
      subresource: "",
      patch: { metadata },
    });
  });

  it("what others have declared is not claimed, and not touched", () => {
    const other = { ...standing(), scheduler: "rr" } as const;
    const asked = { annotations: { "heye.io/addresses": "192.0.2.1" }, finalizers };
    for (const held of [other, "foreign"] as const) {
      const made = plan(service("web", {}, asked, ["192.0.2.1"]), held).get("shop/web");
      assert.deepEqual(made?.claims["tcp-192.0.2.1-80"], []);
      assert.match(String(made?.problems), /lb1 has another virtual server tcp-192\.0\.2\.1-80/);
      assert.deepEqual(steps(service("web", {}, asked, ["192.0.2.1"]), held), []);
    }
    assert.deepEqual(steps(service("web", {}, claimed), "foreign"), []);
    assert.deepEqual(plan(service("web"), "absent", ["192.0.2.1"]).get("shop/web")?.addresses, ["192.0.2.2"]);
  });

  it("a director that is called otherwise now keeps what it has, and follows", () => {
    const annotations = { "heye.io/virtual-servers": '{"tcp-192.0.2.1-80":["10.1.1.2:9443"]}' };
    const renamed = service("web", {}, { finalizers, annotations }, ["192.0.2.1"]);
    const old = { ...standing(), realServers: [] };
    const claims = (...held: readonly Held[]) => {
      const directors = new Map(held.map((one, index) => [`lb${index + 1}`, () => one] as const));
      const made = plansOf(world([renamed], { directors, used: new Set(["192.0.2.1"]) })).get("shop/web");
      assert.deepEqual(made?.problems, []);
      return made?.claims["tcp-192.0.2.1-80"];
    };
    assert.deepEqual(claims(old), ["lb1"]);
    assert.deepEqual(claims(standing()), ["lb1"]);
    // Which of the two it was is not known yet.
    assert.deepEqual(claims("absent", "unknown"), ["lb1", "10.1.1.2:9443"]);
    assert.deepEqual(claims("unknown", "unknown"), ["10.1.1.2:9443"]);
    const leaving = service(
      "web",
      {},
      { finalizers, annotations, deletionTimestamp: "2026-01-01T00:00:00Z" },
    );
    assert.deepEqual(plan(leaving, old).get("shop/web")?.claims, { "tcp-192.0.2.1-80": ["lb1"] });
    assert.deepEqual(plan(leaving, "unknown").get("shop/web")?.claims, { "tcp-192.0.2.1-80": [] });
  });

  it("servers that go do not wait for those that come, and refused ones are left out", () => {
    const [first, second] = standing().realServers ?? [];
    assert.ok(first && second);
    const held = { ...standing(), realServers: [first, { ...second, address: "10.0.0.9" }] };
    const pools = (refused: readonly string[]) =>
      steps(service("web", {}, claimed), held, refused).map(
        (step) => step.kind === "put" && step.bodies.map(places),
      );
    assert.deepEqual(pools([]), [[["10.0.0.1 30080"], ["10.0.0.1 30080", "10.0.0.2 30080"]]]);
    assert.deepEqual(pools(["10.0.0.2:30080"]), [[["10.0.0.1 30080"]]]);
    assert.deepEqual(pools(["10.0.0.1:30080", "10.0.0.2:30080"]), [[["10.0.0.1 30080"]]]);
  });

  it("a change may take as long as its servers' checks allow", () => {
    const made = (deadlineMs: number) => {
      const annotations = { "heye.io/health-check": JSON.stringify({ type: "tcp", deadlineMs }) };
      return plan(service("web", {}, { annotations }))
        .get("shop/web")
        ?.wanted.get("tcp-192.0.2.1-80");
    };
    for (const deadlineMs of [30_000, 3_600_000])
      assert.ok(changeMs(made(deadlineMs) as VirtualServer) > deadlineMs);
  });

  it("claims read back as they were written, and nonsense counts as none", () => {
    const text = writeClaims({ b: ["lb2", "lb1"], a: ["lb1"], c: [] });
    assert.equal(text, '{"a":["lb1"],"b":["lb1","lb2"]}');
    assert.deepEqual(readClaims(text), { a: ["lb1"], b: ["lb1", "lb2"] });
    for (const nonsense of ["", "{", "[]", '{"a":1}', undefined]) assert.deepEqual(readClaims(nonsense), {});
  });
});
