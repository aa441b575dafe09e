import * as assert from "node:assert/strict";
import * as fc from "fast-check";
import { putVirtualServer, removeVirtualServer } from "../../director";
import { virtualServer } from "../unit/agent-site";
import { Directors, eventually } from "./directors";
import { EtcdCluster } from "./etcd-cluster";
import { Relay } from "./relay";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const NAMES = [0, 1, 2] as const;
const PORTS = [80, 81, 82, 83] as const;
/** Less than a director waits for what is newest before it goes by what it has. */
const PATIENCE_MS = 1_500;

/** What can happen to three directors. */
type Step =
  | { readonly kind: "put" | "remove"; readonly at: number; readonly port: number; readonly weight: number }
  | { readonly kind: "cut" | "mend" | "restart" | "bounce"; readonly at: number };

const director = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("put" as const, "put" as const, "remove" as const),
      at: director,
      port: fc.constantFrom(...PORTS),
      weight: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("cut", "mend", "restart", "bounce"), at: director }),
  },
);

describe("directors that share an etcd, whatever happens to them", () => {
  let etcd: EtcdCluster;
  before(async function () {
    this.timeout(300_000);
    etcd = await EtcdCluster.up(3);
  });
  after(() => etcd?.down());

  it("hold the same in the end, and it is what the last changes that were taken say", async function () {
    const seed = Number(process.env.HEYE_SEED ?? Date.now() % 1_000_000);
    const walks = Number(process.env.HEYE_WALKS ?? 12);
    this.timeout(50_000 * walks);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) => walk(etcd, steps)),
      // A smaller walk is another one: what comes in between takes time.
      { seed, numRuns: walks, endOnFailure: true },
    );
  });
});

async function walk(etcd: EtcdCluster, steps: readonly Step[]): Promise<void> {
  const relays = await Promise.all(
    NAMES.map(() => Promise.all(etcd.members.map(({ client }) => Relay.to(client)))),
  );
  const directors = await Directors.up({ endpoints: etcd.endpoints }, (site, index) => {
    const endpoints = (relays[index] ?? []).map(({ port }) => `http://127.0.0.1:${port}`);
    site.etcd = { ...(site.etcd as NonNullable<typeof site.etcd>), endpoints };
  });
  /** What each virtual server may be: as it was last taken, or as one was tried whose answer was lost. */
  const may = new Map<number, Set<number>>(PORTS.map((port) => [port, new Set([0])]));
  try {
    for (const one of steps) await take(one, directors, relays, may);
    for (const relay of relays.flat()) relay.mend();
    await eventually(
      () => directors.sites.every(({ plane }) => plane?.member.standing.state === "following"),
      () => JSON.stringify(directors.sites.map(({ plane }) => plane?.member.standing)),
    );
    // Whoever has just come back may hold what was newest then.
    for (const { plane } of directors.sites) await plane?.member.look();
    await directors.converge();
    for (const [port, weights] of may) {
      const found = directors.at(0).kernel.table.find((service) => service.port === port);
      const weight = found?.destinations[0]?.weight ?? 0;
      assert.ok(weights.has(weight), `port ${port}: ${weight}, expected one of ${[...weights].join()}`);
    }
  } finally {
    await directors.down();
    await Promise.all(relays.flat().map((relay) => relay.close()));
  }
}

async function take(
  one: Step,
  directors: Directors,
  relays: readonly (readonly Relay[])[],
  may: Map<number, Set<number>>,
): Promise<void> {
  const site = directors.at(one.at);
  if (one.kind === "cut") for (const relay of relays[one.at] ?? []) relay.cut();
  else if (one.kind === "mend") for (const relay of relays[one.at] ?? []) relay.mend();
  else if (one.kind === "restart") {
    await site.stop();
    await site.start();
  } else if (one.kind === "bounce") await site.keeper.reconcile();
  else if ("port" in one)
    await change(
      one,
      directors,
      may,
      (relays[one.at] ?? []).some(({ isCut }) => isCut),
    );
}

async function change(
  one: Step & { readonly port: number; readonly weight: number },
  directors: Directors,
  may: Map<number, Set<number>>,
  isCut: boolean,
): Promise<void> {
  const key = `tcp 192.0.2.1:${one.port}`;
  const member = { address: "10.0.0.1", port: one.port, weight: one.weight, forwarding: "nat" } as const;
  const settings = { port: one.port, token: `t-${one.port}`, healthCheck: { type: "none" } } as const;
  const wanted = virtualServer([member], settings);
  const made =
    one.kind === "put"
      ? putVirtualServer(ME, key, wanted, { known: true })
      : removeVirtualServer(ME, key, { resource: wanted.resource, token: settings.token });
  const after = one.kind === "put" ? one.weight : 0;
  const site = directors.at(one.at);
  const isLost = isCut || site.plane?.member.standing.state === "lost";
  const began = performance.now();
  try {
    await site.director().change(made);
    // One that is cut off, or has yet to notice that it is not, says of what it has that it is so already, and that may be long past.
    // So does one that waits in vain for what is newest.
    if (isLost || performance.now() - began > PATIENCE_MS) may.get(one.port)?.add(after);
    else may.set(one.port, new Set([after]));
  } catch (error) {
    // Refused outright changes nothing; where no answer came it may have been taken.
    if (!/HEYE_SHARED_STORE/.test(String(error))) may.get(one.port)?.add(after);
  }
}
