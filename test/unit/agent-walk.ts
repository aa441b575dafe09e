/** Walks an agent through a schedule of operations and disasters, and holds what it does against what it should. */
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { HealthRecord, Store } from "../../agent";
import type { Kernel } from "../../agent/kernel";
import { keyOf as probeKeyOf, registrations } from "../../agent/probes";
import { type Change, drain, putVirtualServer, removeVirtualServer } from "../../director";
import type { Dial } from "../../health";
import { findService } from "../../ipvs";
import { Guard, readText, registryOf } from "./agent-guard";
import { type Death, Life, shown, type Weather } from "./agent-life";
import { AgentSite, type ModelledKernel } from "./agent-site";
import {
  addressOf,
  claimOf,
  type Declarations,
  type Declared,
  declaredText,
  expectedLines,
  FOREIGN,
  keyOf,
  registeredText,
  registrationOf,
  serverAt,
  takers,
} from "./agent-walk-model";
import { Quorums } from "./agent-walk-quorums";
import { SERVERS, SERVICES, stepText, type WalkStep, walkSchedule } from "./agent-walk-schedule";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };

/** A mistake that an agent could have, as something around its parts. */
export interface Plant {
  /** Told where the agent keeps its files, before it starts. */
  readonly begin?: (folder: string) => void;
  readonly store?: (store: Store) => Store;
  readonly kernel?: (kernel: Kernel) => Kernel;
  /** Loses what had not reached the disk, as the loss of power does. */
  readonly losePower?: (folder: string) => void;
}

/** What an agent did wrong, and how to see it again. */
export class WalkError extends Error {
  constructor(seed: number, steps: readonly WalkStep[], at: number, what: string) {
    const taken = steps.slice(0, at + 1).map((step, index) => `  ${index + 1}. ${stepText(step)}`);
    super(`seed ${seed}, step ${at + 1}: ${what}\n${taken.join("\n")}\nAgain: HEYE_SEED=${seed}`);
  }
}

/**
 * Walks so many steps.
 *
 * @param onStep told of each step before it is made
 * @throws WalkError
 */
export async function walk(
  seed: number,
  length: number,
  plant: Plant = {},
  onStep: (step: WalkStep) => void = () => undefined,
): Promise<void> {
  const steps = walkSchedule(seed, length);
  const play = new Walk(plant);
  try {
    await play.begin();
    for (const [index, step] of steps.entries()) {
      onStep(step);
      await play.take(step).catch((error: Error) => {
        throw new WalkError(seed, steps, index, error.message);
      });
    }
  } finally {
    await play.end();
  }
}

/** Long enough for a machine that is busy; what settles, settles at once. */
const SETTLE_MS = 5_000;

class Walk {
  readonly #site = new AgentSite();
  readonly #guard = new Guard(this.#site.folder);
  readonly #weather: Weather = { diskFull: false, kernelRefuses: false, midway: undefined };
  readonly #alive = new Set(Array.from({ length: SERVERS }, (_, server) => server));
  /** Those of the dead that accept and never answer. */
  readonly #silent = new Set<number>();
  #declared: Declarations = new Map();
  #knownDead = new Set<number>();
  #serving = new Set<string>();
  readonly #quorums = new Quorums();
  #boots = 0;
  /** And no agent has run since. */
  #hasBooted = false;
  #life!: Life;
  #isUp = false;
  #flapping: Promise<unknown> = Promise.resolve();

  constructor(private readonly plant: Plant) {
    this.#site.kernel.set(FOREIGN.join("\n"));
  }

  begin(): Promise<void> {
    this.plant.begin?.(this.#site.folder);
    return this.#start(undefined);
  }

  async end(): Promise<void> {
    if (this.#isUp) await this.#kill();
    await this.#site.down();
  }

  async take(step: WalkStep): Promise<void> {
    const before = this.#declared;
    const [after, changes] = this.#wish(step);
    const unsettled = this.#strike(step);
    this.#inform(step, before, after, unsettled);
    const death: Death | undefined =
      step.disaster === "killed" || step.disaster === "power lost"
        ? { point: step.point, happened: false }
        : undefined;
    if (death) this.#life.arm(death);
    const done = await this.#operate(step, changes, death);
    this.#weather.midway = undefined;
    if (death) await this.#die(step, death);
    this.#expectNoViolation();
    await this.#calm();
    if (!done) await this.#again(step, before, after, changes);
    await this.#settle(after);
    this.#learn(after);
  }

  /** What is declared after a step, and the changes that make it so. */
  #wish(step: WalkStep): [Declarations, (() => Change)[]] {
    const after = new Map(this.#declared);
    const changes = [this.#change(step, after)];
    if (step.disaster === "second writer")
      changes.push(
        this.#change({ ...step, operation: "weigh", service: (step.service + 1) % SERVICES }, after),
      );
    return [after, changes.flatMap((one) => one ?? [])];
  }

  #change(
    { operation, service, server, weights, scheduler }: WalkStep,
    after: Map<number, Declared>,
  ): (() => Change) | undefined {
    const old = this.#declared.get(service);
    const put = (wanted: Declared) => {
      after.set(service, wanted);
      const known = { known: old !== undefined };
      return () => putVirtualServer(ME, keyOf(service), registrationOf(service, wanted), known);
    };
    if (operation === "put") return put({ scheduler, pool: this.#pool(old, weights), draining: false });
    if (!old) return undefined;
    if (operation === "weigh") {
      const weight = old.pool.get(server);
      if (weight === undefined) return undefined;
      const pool = new Map(old.pool).set(server, (weight + 1 + (weights[0] ?? 0)) % 5);
      return put({ ...old, pool, draining: false });
    }
    if (operation === "drain") {
      after.set(service, { ...old, draining: true });
      return () => drain(ME, keyOf(service), claimOf(service));
    }
    if (operation === "delete") {
      after.delete(service);
      return () => removeVirtualServer(ME, keyOf(service), claimOf(service));
    }
    return undefined;
  }

  /** A gate lets in who answers, and who is in stays. */
  #pool(old: Declared | undefined, weights: WalkStep["weights"]): Map<number, number> {
    const pool = new Map<number, number>();
    for (const [server, weight] of weights.entries())
      if (weight !== undefined && (this.#alive.has(server) || old?.pool.has(server)))
        pool.set(server, weight);
    return pool;
  }

  /** Lets a disaster happen. Returns the servers of which nothing is certain during the step. */
  #strike({ disaster, server, service }: WalkStep): ReadonlySet<number> {
    const { kernel } = this.#site;
    const alive = [...this.#alive];
    const dying = (some: readonly number[]) => {
      for (const one of some) this.#alive.delete(one);
      return new Set(some);
    };
    if (disaster === "server dies") return dying([server]);
    if (disaster === "server is silent") {
      this.#silent.add(server);
      return dying([server]);
    }
    if (disaster === "half die") return dying(alive.filter((_, index) => index % 2 === 0));
    if (disaster === "all die") return dying(alive);
    if (disaster === "all revive") return this.#revive();
    if (disaster === "servers flap") return this.#flap();
    if (disaster === "disk full") this.#weather.diskFull = true;
    if (disaster === "kernel refuses") this.#weather.kernelRefuses = true;
    if (disaster === "table wiped") kernel.set(FOREIGN.join("\n"));
    // An agent that starts believes the kernel: whoever gives a dead server a weight meanwhile is believed for a moment.
    if (disaster === "weight edited") return edit(kernel, service);
    if (disaster === "edited midway") this.#weather.midway = () => void edit(kernel, service);
    return new Set();
  }

  #revive(): ReadonlySet<number> {
    const revived = new Set<number>();
    for (let server = 0; server < SERVERS; server++) if (!this.#alive.has(server)) revived.add(server);
    for (const server of revived) {
      this.#alive.add(server);
      this.#silent.delete(server);
    }
    return revived;
  }

  /** Every one that is well is away for a moment, each at another time. */
  #flap(): ReadonlySet<number> {
    const flapping = new Set(this.#alive);
    const flap = async (server: number) => {
      await delay(server * 7);
      this.#alive.delete(server);
      await delay(25);
      this.#alive.add(server);
    };
    this.#flapping = Promise.all([...flapping].map(flap));
    return flapping;
  }

  #inform(
    { disaster }: WalkStep,
    before: Declarations,
    after: Declarations,
    unsettled: ReadonlySet<number>,
  ): void {
    for (const server of unsettled) this.#knownDead.delete(server);
    const steadyAlive = new Set([...this.#alive].filter((server) => !unsettled.has(server)));
    const everAlive = new Set([...this.#alive, ...unsettled]);
    this.#quorums.foresee(disaster, [before, after], steadyAlive, everAlive);
    this.#guard.knowledge = {
      declared: [before, after],
      steadyAlive,
      knownDead: this.#knownDead,
      serving: this.#serving,
      lostPower: false,
    };
  }

  /** Returns whether all went well. */
  async #operate(
    step: WalkStep,
    changes: readonly (() => Change)[],
    death: Death | undefined,
  ): Promise<boolean> {
    if (step.operation === "restart" && !(await this.#restart(death))) return false;
    const made = await Promise.allSettled(
      changes.map(async (change) => this.#site.director().change(change())),
    );
    await this.#site.keeper.reconcile();
    // What is known of health is written down a little later.
    if (death?.point.startsWith("health")) await delay(250);
    return made.every(({ status }) => status === "fulfilled");
  }

  /** Returns whether it could start again. */
  async #restart(death: Death | undefined): Promise<boolean> {
    await this.#site.stop();
    this.#isUp = false;
    this.#life.end();
    return this.#start(death).then(
      () => true,
      () => false,
    );
  }

  /** The agent is dead, or dies now; the machine with it where the power is lost. */
  async #die({ disaster }: WalkStep, death: Death): Promise<void> {
    if (this.#isUp) await this.#kill();
    death.happened = true;
    if (disaster !== "power lost") return;
    this.plant.losePower?.(this.#site.folder);
    this.#boots++;
    this.#site.boot = `boot ${this.#boots}`;
    // Every other time it restores at boot: all that stands registered, the dead as the living.
    const registry = readText(join(this.#site.folder, "registry"));
    const rules = registry.split("\n").flatMap((line) => line.split("\t").slice(2));
    this.#site.kernel.set([...FOREIGN, ...(this.#boots % 2 === 1 ? restored(rules) : [])].join("\n"));
    this.#hasBooted = true;
    // It knows as much as it had written down.
    const text = readText(join(this.#site.folder, "agent", "health.json"));
    const down = Object.keys(text === "" ? {} : (JSON.parse(text) as HealthRecord).down);
    for (const server of this.#knownDead)
      if (!down.some((probe) => probe.includes(` ${addressOf(server)}:`))) this.#knownDead.delete(server);
    this.#serving.clear();
    if (this.#guard.knowledge) this.#guard.knowledge = { ...this.#guard.knowledge, lostPower: true };
  }

  /** What people do after a failure: they look, and make the same again. */
  async #again(
    step: WalkStep,
    before: Declarations,
    after: Declarations,
    changes: readonly (() => Change)[],
  ): Promise<void> {
    if (!this.#isUp) await this.#start(undefined);
    if (step.disaster !== "kernel refuses" && step.disaster !== "edited midway")
      await this.#settle(await this.#heldNow(before, after));
    for (const change of changes) await this.#site.director().change(change());
  }

  /** What stands registered, each virtual server as before or after the step. */
  async #heldNow(before: Declarations, after: Declarations): Promise<Declarations> {
    const { registry } = await this.#site.director().read();
    const held = new Map<number, Declared>();
    for (let service = 0; service < SERVICES; service++) {
      const found = registry.owners[ME.id]?.virtualServers[keyOf(service)];
      const text = found && registeredText(found);
      const some = [before, after].map((all) => all.get(service));
      const same = some.find((one) => (one && declaredText(one)) === text);
      if (text !== undefined && !same)
        throw new Error(`vs${service} is registered as ${text}, neither as before nor as after`);
      if (text === undefined && some.every((one) => one !== undefined))
        throw new Error(`vs${service} is not registered any more`);
      if (same) held.set(service, same);
    }
    return held;
  }

  async #calm(): Promise<void> {
    await this.#flapping;
    this.#weather.diskFull = false;
    this.#weather.kernelRefuses = false;
  }

  /** Waits until the kernel and the disk hold what is declared. */
  async #settle(declared: Declarations): Promise<void> {
    if (!this.#isUp) await this.#start(undefined);
    const deadline = performance.now() + SETTLE_MS;
    for (;;) {
      const isAllKnown = this.#isAllKnown();
      await this.#site.keeper.reconcile();
      this.#expectNoViolation();
      const { kernel } = this.#site;
      const found = kernel.lines.join("\n");
      const { possible } = this.#quorums;
      const wanted = possible.map((lost) => expectedLines(declared, this.#alive, lost).join("\n"));
      const shows = possible[wanted.indexOf(found)];
      if (shows && isAllKnown) {
        this.#quorums.settled(declared, this.#alive, shows);
        break;
      }
      if (performance.now() > deadline)
        throw new Error(`the table is\n${shown(kernel)}\ninstead of\n${wanted.join("\nor of\n")}`);
      await delay(3);
    }
    this.#expectRegistered(declared);
  }

  /** Whether the agent has found out about every server, also about those that a table does not tell of. */
  #isAllKnown(): boolean {
    const { registry, watch } = this.#site.keeper.view.pools;
    return [...registrations(registry).values()].every((registration) =>
      registration.members.every((member) => {
        const key = probeKeyOf(registration, member);
        const server = serverAt(member.address);
        return !key || server === undefined || watch.health(key)?.healthy === this.#alive.has(server);
      }),
    );
  }

  #expectRegistered(declared: Declarations): void {
    const text = readText(join(this.#site.folder, "registry"));
    const held = registryOf(text).owners[ME.id]?.virtualServers ?? {};
    const found = Object.entries(held).map(([key, one]) => `${key} ${registeredText(one)}`);
    const wanted = [...declared].map(([service, one]) => `${keyOf(service)} ${declaredText(one)}`);
    if (found.sort().join("\n") !== wanted.sort().join("\n"))
      throw new Error(
        `on the disk is registered\n${found.join("\n")}\ninstead of what was told to be done\n${wanted.join("\n")}`,
      );
  }

  #learn(after: Declarations): void {
    this.#declared = after;
    const members = new Set([...after.values()].flatMap(({ pool }) => [...pool.keys()]));
    const checked = [...members].filter((server) => !this.#alive.has(server));
    // Who has no weight is not seen to be dead by the table; it is checked all the same, but nobody can tell how far.
    const taking = (server: number) =>
      [...after.values()].some(({ pool, draining }) => !draining && (pool.get(server) ?? 0) > 0);
    this.#knownDead = new Set(checked.filter(taking));
    this.#serving = new Set(
      [...after].flatMap(([service, declared]) => {
        const some = takers(service, declared, this.#alive, this.#quorums.lost);
        return some === "sorry" ? [] : [...some.keys()].map((server) => `${service}/${server}`);
      }),
    );
  }

  async #start(death: Death | undefined): Promise<void> {
    const { kernel, folder } = this.#site;
    const life = new Life(folder, this.#weather, (made, before) =>
      this.#guard.see(made, before, kernel.table),
    );
    if (death) life.arm(death);
    this.#guard.begin();
    this.#life = life;
    await this.#site.start({
      store: (store) => life.store(this.plant.store?.(store) ?? store),
      kernel: () => {
        const living = life.kernel(kernel);
        return this.plant.kernel?.(living) ?? living;
      },
      dial: this.#dial,
    });
    this.#isUp = true;
    if (this.#hasBooted && !this.#weather.kernelRefuses) this.#expectNoneOfTheDead();
    this.#hasBooted = false;
  }

  /** Whoever was known to be dead takes no connections, and did not have to be found out anew. */
  #expectNoneOfTheDead(): void {
    const { registry, watch } = this.#site.keeper.view.pools;
    for (const [key, registration] of registrations(registry)) {
      const found = findService(this.#site.kernel.table, key)?.destinations;
      for (const member of registration.members) {
        if (!this.#knownDead.has(serverAt(member.address) ?? -1)) continue;
        const weight = found?.find(({ address }) => address === member.address)?.weight ?? 0;
        const history = watch.history(probeKeyOf(registration, member) ?? "");
        if (weight > 0 || history?.transitions.some(({ healthy }) => !healthy))
          this.#guard.violations.push(`${key}: ${member.address} has been dead, and is let in by a boot`);
      }
    }
  }

  async #kill(): Promise<void> {
    this.#life.end();
    this.#isUp = false;
    await this.#site.kill();
  }

  readonly #dial: Dial = ({ address }, signal) => {
    const server = serverAt(address) ?? -1;
    if (this.#alive.has(server)) return Promise.resolve(new PassThrough());
    if (!this.#silent.has(server)) return Promise.reject(new Error("cannot connect: ECONNREFUSED"));
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("no answer")), { once: true });
    });
  };

  #expectNoViolation(): void {
    const [first] = this.#guard.violations;
    if (first !== undefined) throw new Error(first);
  }
}

/** Lines as `ipvsadm --restore` takes them: one is added with the weight that it had last, and edited. */
function restored(rules: readonly string[]): string[] {
  const lines = new Map<string, string>();
  for (const rule of rules) lines.set(rule.replace(/^-[ae] (.*) -w \d+$/, "$1"), rule.replace(/^-e/, "-a"));
  return [...lines.values()];
}

/** Somebody gives the first server of a virtual server another weight. Returns that server. */
function edit(kernel: ModelledKernel, service: number): ReadonlySet<number> {
  const edited = new Set<number>();
  kernel.table = kernel.table.map((one) => {
    const [first, ...others] = one.destinations;
    if (`${one.protocol} ${one.address}:${one.port}` !== keyOf(service) || !first) return one;
    edited.add(serverAt(first.address) ?? -1);
    return { ...one, destinations: [{ ...first, weight: first.weight + 17 }, ...others] };
  });
  return edited;
}
