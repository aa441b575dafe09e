import type { Member, Registration, Registry } from "../director/data";
import {
  type Dial,
  type History,
  Monitor,
  type MonitorOptions,
  type Probe,
  type ServerHealth,
} from "../health";
import { begun } from "./belief";
import { Departed, serverName } from "./departed";
import type { Observer } from "./observer";
import { keyOf, probesOf, registrations } from "./probes";

/**
 * The health of all servers that are registered. A server begins as it was known before the agent's restart; one that a
 * change has let in as healthy, because the gate has asked it; one that waits for its gate as down.
 */
export class Watch {
  /** Those that were down when they were taken out. */
  readonly departed = new Departed();
  readonly #monitor: Monitor;
  /** The probe of each server of each virtual server. */
  #names: ReadonlyMap<string, string> = new Map();
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
    this.departed.forgetOld();
    for (const [service, registration] of registrations(registry)) {
      for (const member of registration.members) {
        const key = keyOf(registration, member);
        if (key === undefined) continue;
        const name = serverName(service, member);
        names.set(name, key);
        const before = this.#names.get(name);
        const health = before === undefined ? this.departed.health(name) : this.#monitor.health(before);
        const isKnown = before === undefined || !this.#waited.has(before);
        if (health && isKnown && before !== key) carried.set(key, { ...health, streak: 0 });
      }
    }
    for (const [name, key] of this.#names) {
      const health = names.has(name) || this.#waited.has(key) ? undefined : this.#monitor.health(key);
      if (health) this.departed.remember(name, health);
    }
    this.departed.forget(names);
    this.#names = names;
    return carried;
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
