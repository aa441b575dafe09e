import type { Member, Registry } from "../director/data";
import { type Probe, probeKey, type ServerHealth } from "../health";
import { realServerKey } from "../spec";
import { probeOf, registrations } from "./probes";

/** How long it is remembered of a server that was taken out that it was down: a change that is undone takes less. */
const MEMORY_MS = 600_000;

/** Servers of one probe that were down when they were taken out. */
export interface Remembered {
  readonly probe: Probe;
  /** One for each virtual server, see {@link serverName}. */
  readonly names: readonly string[];
}

/** What a server of one virtual server goes by, however it is checked. */
export function serverName(service: string, member: Member): string {
  return `${service} ${realServerKey(member)}`;
}

/** Servers that were down when they were taken out of their virtual server: who comes back soon is as well as it was. */
export class Departed {
  readonly #left = new Map<string, { readonly health: ServerHealth; readonly atMs: number }>();
  /** Of those, the ones that have answered before the change that is being made. */
  #answered: ReadonlySet<string> = new Set();

  /** Whether of any server that is not registered any more it is remembered that it was down. */
  get isEmpty(): boolean {
    this.forgetOld();
    return this.#left.size === 0;
  }

  /** A server is not registered any more. */
  remember(name: string, health: ServerHealth): void {
    if (!health.healthy) this.#left.set(name, { health, atMs: performance.now() });
  }

  /** Servers that are registered again, among others. */
  forget(registered: ReadonlyMap<string, unknown>): void {
    for (const name of this.#left.keys()) if (registered.has(name)) this.#left.delete(name);
  }

  forgetOld(): void {
    const nowMs = performance.now();
    for (const [name, { atMs }] of this.#left) if (nowMs - atMs > MEMORY_MS) this.#left.delete(name);
  }

  /** How a server that comes back begins; undefined: as any other. */
  health(name: string): ServerHealth | undefined {
    return this.#answered.has(name) ? undefined : this.#left.get(name)?.health;
  }

  /** Servers that would come back and are remembered, by the key of their probe. */
  returning(registry: Registry | undefined): ReadonlyMap<string, Remembered> {
    const all = new Map<string, Remembered>();
    if (!registry) return all;
    for (const [service, registration] of registrations(registry)) {
      for (const member of registration.members) {
        const name = serverName(service, member);
        const probe = this.#left.has(name) ? probeOf(registration, member) : undefined;
        if (!probe) continue;
        const key = probeKey(probe);
        all.set(key, { probe, names: [...(all.get(key)?.names ?? []), name] });
      }
    }
    return all;
  }

  /** Makes a change to which some that are remembered come back, and have answered just now: they begin as any other. */
  async hearing<T>(answered: ReadonlySet<string>, change: () => Promise<T>): Promise<T> {
    this.#answered = answered;
    try {
      return await change();
    } finally {
      this.#answered = new Set();
    }
  }
}
