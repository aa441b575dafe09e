import type { Member, Registration, Registry } from "../director/data";
import {
  type Dial,
  type History,
  Monitor,
  type MonitorOptions,
  type Probe,
  probeKey,
  type ServerHealth,
} from "../health";
import { realServerKey } from "../spec";
import { begun } from "./belief";
import type { Observer } from "./observer";
import { keyOf, probeOf, probesOf, registrations } from "./probes";

/** How long it is remembered of a server that was taken out that it was down: a change that is undone takes less. */
const MEMORY_MS = 600_000;

/** Servers of one probe that were down when they were taken out. */
export interface Remembered {
  readonly probe: Probe;
  /** One for each virtual server. */
  readonly names: readonly string[];
}

/**
 * The health of all servers that are registered. A server begins as it was known before the agent's restart; one that a
 * change has let in as healthy, because the gate has asked it; one that waits for its gate as down.
 */
export class Watch {
  readonly #monitor: Monitor;
  /** The probe of each server of each virtual server. */
  #names: ReadonlyMap<string, string> = new Map();
  /** Servers that were down when they were taken out of their virtual server. */
  readonly #left = new Map<string, { readonly health: ServerHealth; readonly atMs: number }>();
  /** Of those, the ones that have answered before the change that is being made. */
  #answered: ReadonlySet<string> = new Set();
  #probes: ReadonlyMap<string, Probe> = new Map();
  /** Probes of servers that waited for their gate. */
  #waited: ReadonlySet<string> = new Set();
  #down: ReadonlyMap<string, ServerHealth>;
  /** Probes of servers that are down, as far as that has been heeded. */
  #heeded: ReadonlySet<string> = new Set();
  /** Probes of servers that went down or came back since. */
  readonly #turned = new Set<string>();

  /**
   * @param onChange a server went down, or came back
   * @param down servers that are down, as it is believed at the start
   */
  constructor(
    dial: Dial,
    down: Readonly<{ [key: string]: ServerHealth }>,
    onChange: (probe: Probe | undefined, health: ServerHealth) => void,
    observer: Observer,
  ) {
    this.#down = new Map(Object.entries(down));
    const onTransition = (key: string, health: ServerHealth) => {
      this.#turned.add(key);
      onChange(this.#probes.get(key), health);
    };
    const onResult: MonitorOptions["onResult"] = ({ check }, { healthy, inconclusive }, tookMs) =>
      observer.checked(check.type, inconclusive ? "inconclusive" : healthy ? "healthy" : "unhealthy", tookMs);
    this.#monitor = new Monitor({ dial, onTransition, onResult });
  }

  /** Checks what this registry says from now on; what it said already goes on undisturbed. */
  follow(registry: Registry): void {
    const waiting = this.#waiting(registry);
    const carried = this.#carry(registry);
    const initial = (key: string) => this.#down.get(key) ?? carried.get(key) ?? begun(!waiting.has(key));
    const probes = probesOf(registry);
    // They have passed their gate just now, whatever was known of them while they waited: begun anew.
    const passed = [...this.#waited].filter((key) => probes.has(key) && !waiting.has(key));
    if (passed.length > 0)
      this.#monitor.watch(new Map([...probes].filter(([key]) => !passed.includes(key))), initial);
    this.#monitor.watch(probes, initial);
    this.#probes = probes;
    this.#waited = waiting;
    this.#down = new Map();
    this.#turned.clear();
    this.#heeded = new Set([...probes.keys()].filter((key) => this.#isDown(key)));
  }

  /**
   * Takes what has become of servers since it was last heeded into account. Until then everybody is told of their health
   * as it was: the kernel holds what follows from that.
   */
  heed(): void {
    if (this.#turned.size === 0) return;
    const heeded = new Set(this.#heeded);
    for (const key of this.#turned) {
      if (this.#probes.has(key) && this.#isDown(key)) heeded.add(key);
      else heeded.delete(key);
    }
    this.#turned.clear();
    this.#heeded = heeded;
  }

  #isDown(key: string): boolean {
    return this.#monitor.health(key)?.healthy === false;
  }

  /**
   * A server that is asked in another way from now on is as well as it was, and so is one that comes back soon after it was
   * taken out (a change that is undone): by the key of its new probe. Not one that waited for its gate: of it nothing was known.
   */
  #carry(registry: Registry): Map<string, ServerHealth> {
    const carried = new Map<string, ServerHealth>();
    const names = new Map<string, string>();
    const nowMs = performance.now();
    this.#forgetOld();
    for (const [service, registration] of registrations(registry)) {
      for (const member of registration.members) {
        const key = keyOf(registration, member);
        if (key === undefined) continue;
        const name = `${service} ${realServerKey(member)}`;
        names.set(name, key);
        const before = this.#names.get(name);
        const left = this.#answered.has(name) ? undefined : this.#left.get(name);
        const health = before === undefined ? left?.health : this.#monitor.health(before);
        const isKnown = before === undefined || !this.#waited.has(before);
        if (health && isKnown && before !== key) carried.set(key, { ...health, streak: 0 });
      }
    }
    for (const [name, key] of this.#names) {
      const health = names.has(name) || this.#waited.has(key) ? undefined : this.#monitor.health(key);
      if (health && !health.healthy) this.#left.set(name, { health, atMs: nowMs });
    }
    for (const name of this.#left.keys()) if (names.has(name)) this.#left.delete(name);
    this.#names = names;
    return carried;
  }

  /** Whether of any server that is not registered any more it is remembered that it was down. */
  remembersAny(): boolean {
    this.#forgetOld();
    return this.#left.size > 0;
  }

  /** Servers that would come back and are remembered as down, by the key of their probe. */
  remembered(registry: Registry | undefined): ReadonlyMap<string, Remembered> {
    const all = new Map<string, Remembered>();
    if (!registry) return all;
    for (const [service, registration] of registrations(registry)) {
      for (const member of registration.members) {
        const name = `${service} ${realServerKey(member)}`;
        const probe = this.#left.has(name) ? probeOf(registration, member) : undefined;
        if (!probe) continue;
        const key = probeKey(probe);
        all.set(key, { probe, names: [...(all.get(key)?.names ?? []), name] });
      }
    }
    return all;
  }

  /** Makes a change to which some that are remembered as down come back, and have answered just now: they begin as any other. */
  async hearing<T>(answered: ReadonlySet<string>, change: () => Promise<T>): Promise<T> {
    this.#answered = answered;
    try {
      return await change();
    } finally {
      this.#answered = new Set();
    }
  }

  #forgetOld(): void {
    const nowMs = performance.now();
    for (const [name, { atMs }] of this.#left) if (nowMs - atMs > MEMORY_MS) this.#left.delete(name);
  }

  /** As it was last heeded. */
  isHealthy(registration: Registration, member: Member): boolean {
    const key = keyOf(registration, member);
    return key === undefined || !this.#heeded.has(key);
  }

  /** Whether all servers of a pool are well, as it was last heeded. */
  isWell(registration: Registration): boolean {
    if (this.#heeded.size === 0) return true;
    return registration.members.every((one) => this.isHealthy(registration, one));
  }

  health(key: string): ServerHealth | undefined {
    return this.#monitor.health(key);
  }

  history(key: string): History | undefined {
    return this.#monitor.history(key);
  }

  get counters(): Monitor["counters"] {
    return this.#monitor.counters;
  }

  /** Servers that are down, for the record that outlives a restart. */
  get down(): { [key: string]: ServerHealth } {
    const down: { [key: string]: ServerHealth } = {};
    for (const key of this.#probes.keys()) {
      const health = this.#monitor.health(key);
      if (health && !health.healthy) down[key] = health;
    }
    return down;
  }

  stop(): Promise<void> {
    return this.#monitor.stop();
  }

  /** Probes of servers none of which has passed its gate. */
  #waiting(registry: Registry): Set<string> {
    const [held, passed] = [new Set<string>(), new Set<string>()];
    for (const registration of registrations(registry).values()) {
      for (const member of registration.members) {
        const key = keyOf(registration, member);
        if (key !== undefined) (member.held ? held : passed).add(key);
      }
    }
    return new Set([...held].filter((key) => !passed.has(key)));
  }
}
