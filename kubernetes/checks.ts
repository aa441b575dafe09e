import { type Dial, Monitor, type Probe, type ServerHealth } from "../health";
import { endpoint } from "../spec";
import { begun, believed } from "./belief";
import type { Verdict } from "./plan";
import type { Subject } from "./subject";
import type { Wanted } from "./wanted";

/** An object, and what is asked of its servers. */
export interface Followed {
  readonly subject: Subject;
  readonly wanted: Wanted;
}

/** The health of all servers that objects name, each asked once however many objects name it. */
export class Checks {
  readonly #monitor: Monitor;
  #probes: ReadonlyMap<string, Probe> = new Map();
  /** Objects that want to know of a probe, by its key. */
  #asking: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #disputed = new Set<string>();

  /** @param onChange told of each change of mind: the names under which objects that it concerns were followed. */
  constructor(
    dial: Dial,
    onChange: (names: readonly string[], probe: Probe | undefined, health: ServerHealth) => void,
  ) {
    this.#monitor = new Monitor({
      dial,
      onTransition: (key, health) => {
        this.#disputed.delete(key);
        onChange(this.#asking.get(key) ?? [], this.#probes.get(key), health);
      },
    });
  }

  /** Checks what these objects want from now on. A probe that is new begins as they say; others go on undisturbed. */
  follow(followed: ReadonlyMap<string, Followed>): void {
    const probes = new Map<string, Probe>();
    const asking = new Map<string, string[]>();
    for (const [name, { wanted }] of followed) {
      for (const [key, probe] of wanted.probes) {
        probes.set(key, probe);
        const names = asking.get(key);
        if (names) names.push(name);
        else asking.set(key, [name]);
      }
    }
    const isNew = (key: string) => this.#monitor.health(key) === undefined;
    const { down, disputed } = believed(followed.values());
    for (const key of this.#disputed) if (!probes.has(key)) this.#disputed.delete(key);
    for (const key of disputed) if (isNew(key)) this.#disputed.add(key);
    this.#probes = probes;
    this.#asking = asking;
    this.#monitor.watch(probes, (key) => begun(!down.has(key)));
  }

  /** What is held of a probe's server; undefined: nothing is known yet. */
  readonly verdict = (key: string): Verdict | undefined => {
    const health = this.#monitor.health(key);
    if (health === undefined || health.at === 0) return undefined;
    const confirmed = health.streak === 0;
    if (this.#disputed.has(key)) {
      if (!confirmed) return undefined;
      this.#disputed.delete(key);
    }
    if (health.healthy) return { healthy: true };
    return { healthy: false, ...(confirmed && { reason: this.#reason(key, health.answer) }) };
  };

  get counters(): Monitor["counters"] {
    return this.#monitor.counters;
  }

  /** How many probes are repeated. */
  get size(): number {
    return this.#probes.size;
  }

  stop(): Promise<void> {
    return this.#monitor.stop();
  }

  #reason(key: string, answer: string): string {
    const probe = this.#probes.get(key);
    return probe === undefined ? answer : reasonOf(probe, answer);
  }
}

/** `http 10.0.0.1:80: HTTP 503`. */
export function reasonOf({ check, target }: Probe, answer: string): string {
  const place = endpoint(check.address ?? target.address, check.port ?? target.port);
  return `${check.type} ${place}: ${answer}`;
}
