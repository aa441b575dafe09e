import assert from "node:assert/strict";
import pino from "pino";
import { DirectorError } from "../../kubernetes/balancer/director-client";
import { DirectorLoop } from "../../kubernetes/balancer/director-loop";
import { DirectorWork } from "../../kubernetes/balancer/director-work";
import { balancedServiceObject } from "../../kubernetes/balancer/objects";
import type { ServicePlan } from "../../kubernetes/balancer/plan";
import { balancedServiceOf } from "../../kubernetes/balancer/service";
import { parseVirtualServer, type VirtualServer } from "../../spec";
import { until } from "../kubernetes/until";

/** What one virtual server is to be, and what a Service says that is to have it. */
function planOf(name: string, port: number, servers: readonly string[]): ServicePlan {
  const id = idOf(port);
  const service = balancedServiceOf(
    balancedServiceObject.parse({
      metadata: {
        ...{ name, namespace: "shop", uid: name, resourceVersion: "1", finalizers: ["heye.io/ipvs"] },
        annotations: { "heye.io/virtual-servers": JSON.stringify({ [id]: ["lb1"] }) },
      },
      spec: { type: "LoadBalancer", loadBalancerClass: "heye.io/ipvs" },
    }),
  );
  assert.ok(service);
  const realServers = servers.map((address) => ({ address, port: 80 }));
  const { value, problems } = parseVirtualServer({
    protocol: "tcp",
    address: "192.0.2.1",
    port,
    realServers,
  });
  assert.deepEqual(problems, []);
  const claims = { [id]: ["lb1"] };
  return { service, addresses: ["192.0.2.1"], wanted: new Map([[id, value]]), claims, problems: [] };
}

const idOf = (port: number) => `tcp-192.0.2.1-${port}`;

interface Put {
  readonly id: string;
  readonly servers: readonly string[];
  readonly signal: AbortSignal;
  /** Ends it as the director's answer would. */
  readonly refuse: (error: Error) => void;
}

/** A director that asks some servers for as long as it likes before it takes a change. */
class Site {
  readonly plans = new Map<string, ServicePlan>();
  readonly puts: Put[] = [];
  /** Servers that it does not get an answer from. */
  readonly silent = new Set<string>();
  readonly held = new Map<string, VirtualServer>();
  mayWrite = true;
  isAway = false;
  readonly #ending = new AbortController();
  readonly loop = new DirectorLoop({
    client: {
      name: "lb1",
      list: async () => {
        if (this.isAway) throw new DirectorError(0, "GET", "away");
        return new Map(this.held);
      },
      put: (id, body, _isNew, signal) => this.#put(id, body, signal),
      remove: async (id) => {
        this.held.delete(id);
      },
    },
    log: pino({ enabled: false }),
    plans: () => this.plans,
    mayWrite: () => this.mayWrite,
    onChange: () => undefined,
    onRefused: () => undefined,
  });
  readonly #running = this.loop.run(this.#ending.signal);

  want(plan: ServicePlan): void {
    this.plans.set(plan.service.name, plan);
    this.loop.follow();
  }

  putsOf(port: number): readonly Put[] {
    return this.puts.filter(({ id }) => id === idOf(port));
  }

  has(port: number): string | undefined {
    return addressesOf(this.held.get(idOf(port))).join() || undefined;
  }

  async end(): Promise<void> {
    this.#ending.abort(new Error("the end of the test"));
    await this.#running;
  }

  #put(id: string, body: VirtualServer, signal: AbortSignal): Promise<void> {
    const servers = addressesOf(body);
    return new Promise((resolve, reject) => {
      this.puts.push({ id, servers, signal, refuse: reject });
      signal.addEventListener("abort", () => reject(new DirectorError(0, "PUT", "broken off")));
      if (servers.some((one) => this.silent.has(one))) return;
      this.held.set(id, body);
      resolve();
    });
  }
}

const addressesOf = (one: VirtualServer | undefined) =>
  (one?.realServers ?? []).map(({ address }) => address);

describe("changes of one director", () => {
  let site: Site;
  beforeEach(() => {
    site = new Site();
  });
  afterEach(() => site.end());

  it("of other Services do not wait for a server that is still being asked", async () => {
    site.silent.add("10.0.0.9");
    site.want(planOf("slow", 80, ["10.0.0.9"]));
    await until("the silent one is asked", () => site.putsOf(80).length === 1);
    site.want(planOf("web", 81, ["10.0.0.1"]));
    await until("another Service has its server", () => site.has(81) === "10.0.0.1");
    site.want(planOf("web", 81, ["10.0.0.2"]));
    await until("and follows its endpoints", () => site.has(81) === "10.0.0.2");
    assert.equal(site.putsOf(80).length, 1, "it was asked all the while, once");
  });

  it("are known as they were while it is away, and it has been asked when it was found to be", async () => {
    site.want(planOf("web", 80, ["10.0.0.1"]));
    await until("it is known what it has", () => site.loop.ids.join() === idOf(80));
    site.isAway = true;
    site.want(planOf("web", 80, ["10.0.0.2"]));
    await until("it is away", () => !site.loop.isThere);
    assert.deepEqual(site.loop.ids, [idOf(80)]);
    site.mayWrite = false;
    await until("another replica may lead", () => !site.loop.wasAsked);
    site.mayWrite = true;
    await until("it was asked", () => site.loop.wasAsked);
    assert.ok(!site.loop.isThere);
  });

  it("leave room for others, however many wait for servers that were refused before", async () => {
    const made: string[] = [];
    const work = new DirectorWork({
      make: ({ id }) => {
        made.push(id);
        return id.startsWith("again") ? new Promise(() => undefined) : Promise.resolve();
      },
      isDoubtful: ({ id }) => id.startsWith("again"),
    });
    const step = (id: string) => ({ kind: "delete", id, service: "shop/web" }) as const;
    const again = Array.from({ length: 100 }, (_, index) => step(`again-${index}`));
    const others = Array.from({ length: 100 }, (_, index) => step(`other-${index}`));
    work.begin([...again, ...others]);
    await until("all others are made", () => made.filter((id) => id.startsWith("other")).length === 100);
    assert.ok(work.size > 0);
    assert.ok(!work.isFull);
  });

  it("are broken off where another replica may lead, and nothing is sent after that", async () => {
    site.silent.add("10.0.0.9");
    site.want(planOf("web", 80, ["10.0.0.1", "10.0.0.9"]));
    site.want(planOf("other", 81, ["10.0.0.9"]));
    await until("the silent one is asked", () => site.puts.length === 2);
    site.mayWrite = false;
    site.putsOf(80)[0]?.refuse(new DirectorError(422, "PUT", "silent", ["10.0.0.9:80"]));
    await until("what waits is broken off", () => site.putsOf(81)[0]?.signal.aborted);
    assert.equal(site.puts.length, 2, "it was not told the pool without the silent one any more");
  });
});
