import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type Change, ForeignEntryError, OwnedElsewhereError, type Registration } from "../../director";
import { parseTable, type Table } from "../../ipvs";
import { ModelDirector, type Outcome } from "./model-director";
import { changeOf, keyOf, ModelOwners, type Resource, registryText, type Wish } from "./model-owners";
import { always } from "./property";

const A = { id: "a-1", label: "shop/prod Cluster edge" };
const B = { id: "b-1", label: "bank/prod Cluster core" };
const FOREIGN = parseTable("-A -t 192.0.2.1:8080 -s rr\n-a -t 192.0.2.1:8080 -r 10.0.0.1:8080 -m -w 1\n");
const STRANGER = "10.0.0.9:80";

/** Two clusters; declared twice, replaced under the same name, in others' places, and in nobody's. */
const RESOURCES: readonly Resource[] = [
  { actor: A, name: "web", token: "t1", port: 80 },
  { actor: A, name: "web", token: "t2", port: 80 },
  { actor: A, name: "shop", token: "t3", port: 80 },
  { actor: B, name: "web", token: "t4", port: 80 },
  { actor: A, name: "api", token: "t5", port: 443 },
  { actor: A, name: "other", token: "t6", port: 8080 },
  { actor: A, name: "s1", token: "t7", port: 80, server: "10.0.0.1:80" },
  { actor: A, name: "s1-again", token: "t8", port: 80, server: "10.0.0.1:80" },
  { actor: A, name: "s2", token: "t9", port: 80, server: "10.0.0.2:80" },
  { actor: A, name: "s3", token: "t10", port: 443, server: "10.0.0.1:80" },
  { actor: B, name: "s4", token: "t11", port: 80, server: "10.0.0.3:80" },
];

interface Step {
  readonly resource: Resource;
  readonly kind: "put" | "drain" | "remove" | "undo" | "stranger";
  readonly scheduler: "rr" | "wlc";
  readonly pool: "inline" | "separate";
  readonly leaving: "drain" | "go";
  readonly weights: readonly number[];
  /** The group leaves after this. */
  readonly leaves: boolean;
  /** Steps of the group after which the director dies. */
  readonly crash: number | undefined;
}

const stepOf = (resources: readonly Resource[]): fc.Arbitrary<Step> =>
  fc.record({
    resource: fc.constantFrom(...resources),
    kind: fc.constantFrom(
      ...(["put", "put", "put", "put", "drain", "remove", "undo", "undo", "stranger"] as const),
    ),
    scheduler: fc.constantFrom("rr" as const, "wlc" as const),
    pool: fc.constantFrom("inline" as const, "separate" as const, "separate" as const),
    leaving: fc.constantFrom("drain" as const, "go" as const),
    weights: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 4 }),
    leaves: fc.boolean(),
    crash: fc.option(fc.nat({ max: 9 }), { nil: undefined, freq: 8 }),
  });

/** Few resources at a time, so that they meet. */
const steps = fc
  .subarray([...RESOURCES], { minLength: 1, maxLength: 5 })
  .chain((some) => fc.array(stepOf(some), { minLength: 1, maxLength: 40 }));

function wishOf({ resource, kind, scheduler, pool, leaving, weights }: Step): Wish {
  if (kind === "drain" || kind === "remove") return { kind };
  const { name, token, port, server } = resource;
  const claim = { resource: name, token };
  const plain = { port: 80, forwarding: "nat" as const };
  if (server !== undefined) {
    const wanted = { ...plain, ...claim, address: server.split(":")[0] ?? "", weight: weights[0] ?? 1 };
    return { kind: "put", wanted, leaving };
  }
  const members = weights.map((weight, host) => ({ ...plain, address: `10.0.0.${host + 1}`, weight }));
  const identity = { protocol: "tcp" as const, address: "192.0.2.1", port };
  const wanted = { ...identity, ...claim, scheduler, pool, members: pool === "inline" ? members : [] };
  return { kind: "put", wanted, leaving };
}

/** A change on its way: a wish, or the undoing of one. */
interface Sent {
  readonly resource: Resource;
  readonly wish: Wish;
  readonly change: Change;
  /** Present: the wish was granted then, and is taken back now. */
  readonly undoes?: Undone;
}

/** What there was before a wish was granted: in the registry, and in the state of the program. */
interface Undone {
  readonly before: Registration | undefined;
  readonly known: boolean;
}

/** What a director held when a group reached it. */
interface Before {
  readonly strangers: ReadonlySet<string>;
  readonly table: Table;
}

/** Sends changes to a model of a director as resources do, and tells what should have come of them. */
class Play {
  readonly director = new ModelDirector(FOREIGN);
  readonly owners = new ModelOwners();
  readonly #known = new Set<Resource>();
  readonly #granted = new Map<Resource, Sent & Undone>();
  #group: Sent[] = [];

  take(step: Step): void {
    const { resource, kind } = step;
    if (kind === "stranger") {
      this.leave(undefined);
      const found = this.owners.services.get(keyOf(resource));
      if (found?.pool === "separate") this.director.addStranger(keyOf(resource), STRANGER);
      return;
    }
    // A resource has one change on its way at a time.
    if (this.#group.some((one) => one.resource === resource)) this.leave(undefined);
    if (kind === "undo") {
      const last = this.#granted.get(resource);
      if (!last) return;
      const { before, known, wish, change } = last;
      this.#group.push({ resource, wish, change: change.undo(before), undoes: { before, known } });
    } else {
      const wish = wishOf(step);
      this.#group.push({ resource, wish, change: changeOf(resource, wish, this.#known.has(resource)) });
    }
    if (step.leaves) this.leave(step.crash);
  }

  leave(crash: number | undefined): void {
    const group = this.#group;
    this.#group = [];
    if (group.length === 0) return;
    const changes = group.map(({ change }) => change);
    const before = { strangers: new Set(this.director.strangers.keys()), table: this.director.table };
    const outcomes = this.director.run(changes, crash) ?? this.#repair(group);
    outcomes?.forEach((outcome, index) => {
      const sent = group[index];
      if (sent) this.#learn(sent, outcome, before);
    });
    assert.deepEqual(registryText(this.director.registry), this.owners.asText());
  }

  /** What people do after a crash: the same again. Nobody knows any more what there was before it. */
  #repair(group: readonly Sent[]): undefined {
    const outcomes = this.director.run(group.map(({ change }) => change));
    this.owners.learn(this.director.registry);
    group.forEach(({ resource, wish, undoes }, index) => {
      this.#granted.delete(resource);
      const { refused } = { refused: undefined, ...outcomes?.[index] };
      if (refused || undoes || wish.kind === "drain") return;
      if (wish.kind === "put") this.#known.add(resource);
      else this.#known.delete(resource);
      const isLast = group.slice(index + 1).every((later) => later.resource.port !== resource.port);
      if (isLast) assert.ok(this.owners.has(resource, wish), `${resource.name} ${wish.kind}`);
    });
    return undefined;
  }

  #learn(sent: Sent, outcome: Outcome, { strangers, table }: Before): void {
    const { resource, wish, undoes } = sent;
    const key = keyOf(resource);
    this.#granted.delete(resource);
    const around = {
      foreign: FOREIGN.some(({ port }) => port === resource.port),
      strangers: strangers.has(key),
    };
    const asked: Wish = undoes && wish.kind === "put" && !undoes.before ? { kind: "remove" } : wish;
    const granted = undoes && asked.kind !== "remove" ? true : this.owners.grants(resource, asked, around);
    const isRefused = "refused" in outcome;
    assert.equal(isRefused, !granted, `${resource.name} ${wish.kind}: ${JSON.stringify(outcome)}`);
    if (isRefused) {
      const { refused } = outcome;
      assert.ok(
        refused instanceof ForeignEntryError || refused instanceof OwnedElsewhereError,
        String(refused),
      );
      return;
    }
    if (undoes) this.owners.takeBack(resource, wish, undoes.before);
    else {
      this.owners.grant(resource, wish, table);
      this.#granted.set(resource, { ...sent, before: outcome.before, known: this.#known.has(resource) });
    }
    const exists = undoes
      ? undoes.known
      : wish.kind === "drain"
        ? this.#known.has(resource)
        : wish.kind === "put";
    if (exists) this.#known.add(resource);
    else this.#known.delete(resource);
  }
}

describe("changes of several resources, in any order and any groups", () => {
  it("leave each owner with what it last asked for, and everything of ours registered at every step", () => {
    always(
      fc.property(steps, (taken) => {
        const play = new Play();
        for (const one of taken) play.take(one);
        play.leave(undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it("own what one owner hands to another in a group that dies after its first step", () => {
    const step = (resource: number, more: Partial<Step>): Step => ({
      resource: RESOURCES[resource] as Resource,
      kind: "put",
      scheduler: "rr",
      pool: "inline",
      leaving: "go",
      weights: [0],
      leaves: false,
      crash: undefined,
      ...more,
    });
    const play = new Play();
    play.take(step(3, { leaves: true }));
    play.take(step(3, { kind: "remove" }));
    play.take(step(0, { pool: "separate", leaves: true, crash: 1 }));
    assert.deepEqual(
      play.director.table.filter(({ port }) => port === 80).map((one) => one.destinations),
      [[]],
    );
  });
});
