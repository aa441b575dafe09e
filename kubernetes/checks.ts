import { type CheckResult, type Dial, Monitor, type Probe, probeKey, type ServerHealth } from "../health";
import { endpoint } from "../spec";
import { begun, believedDown } from "./belief";
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
  /** Probes whose checks have neither confirmed what they began with nor changed it. */
  readonly #unconfirmed = new Set<string>();

  /** @param onChange told of each change of mind: the names under which objects that it concerns were followed. */
  constructor(
    dial: Dial,
    onChange: (names: readonly string[], probe: Probe | undefined, health: ServerHealth) => void,
  ) {
    this.#monitor = new Monitor({
      dial,
      onResult: (probe, result) => this.#confirm(probe, result),
      onTransition: (key, health) => {
        this.#unconfirmed.delete(key);
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
    const down = believedDown(followed.values());
    for (const key of this.#unconfirmed) if (!probes.has(key)) this.#unconfirmed.delete(key);
    for (const key of probes.keys()) if (this.#monitor.health(key) === undefined) this.#unconfirmed.add(key);
    this.#probes = probes;
    this.#asking = asking;
    const begin = (key: string) => begun(!down.has(key));
    // What an object said when such a probe began is not what it says now: that copy was late, and it begins anew.
    const outdated = [...this.#unconfirmed].filter(
      (key) => this.#monitor.health(key)?.healthy === down.has(key),
    );
    if (outdated.length > 0) {
      const without = new Map(probes);
      for (const key of outdated) without.delete(key);
      this.#monitor.watch(without, begin);
    }
    this.#monitor.watch(probes, begin);
  }

  /** What is held of a probe's server; undefined: its checks have not said yet. */
  readonly verdict = (key: string): Verdict | undefined => {
    const health = this.#monitor.health(key);
    if (health === undefined || this.#unconfirmed.has(key)) return undefined;
    if (health.healthy) return { healthy: true };
    return { healthy: false, ...(health.streak === 0 && { reason: this.#reason(key, health.answer) }) };
  };

  /** At the time of the check: whoever asks later would find what came after it. */
  #confirm(probe: Probe, { healthy, inconclusive }: CheckResult): void {
    if (inconclusive || this.#unconfirmed.size === 0) return;
    const key = probeKey(probe);
    if (this.#monitor.health(key)?.healthy === healthy) this.#unconfirmed.delete(key);
  }

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
