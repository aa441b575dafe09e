import { effectiveWeight, type Member, type Registration, type Registry } from "../director/data";
import { destinationKey, findService, type Service, type Table } from "../ipvs";
import { realServerKey } from "../spec";
import type { Drains } from "./drains";
import { keyOf, registrations } from "./probes";
import { refusesForItsSake, type Wanted, wantedService } from "./wanted";
import type { Watch } from "./watch";

/**
 * What is wanted of each virtual server, of what is declared of it, the health of its servers and the drains of operators;
 * and with that who has lost the quorum.
 */
export class PoolWants {
  /** Virtual servers without their quorum. */
  readonly #lost: Set<string>;
  /** Servers at weight 0 that an agent without any record has found, by virtual server: a change has to let them in. */
  readonly #asFound = new Map<string, ReadonlySet<string>>();

  /**
   * @param lost virtual servers without their quorum, as it is believed at the start
   * @param onQuorum told of each virtual server that has lost its quorum, or has it again
   */
  constructor(
    private readonly watch: Watch,
    private readonly drains: Drains,
    lost: readonly string[],
    private readonly onQuorum: (service: string, up: boolean) => void,
  ) {
    this.#lost = new Set(lost);
  }

  get lost(): ReadonlySet<string> {
    return this.#lost;
  }

  /** Forgets what is no longer declared. */
  follow(all: ReadonlyMap<string, Registration>): void {
    for (const key of this.#lost) if (!all.has(key)) this.#lost.delete(key);
    for (const key of this.#asFound.keys()) if (!all.has(key)) this.#asFound.delete(key);
  }

  /**
   * Nothing was ever written down here: whoever takes no connections in the kernel, though it is registered to, and is
   * asked nothing, is left so until a change has it asked.
   */
  believe(registry: Registry, table: Table): void {
    for (const [key, registration] of registrations(registry)) {
      const weights = new Map(
        findService(table, key)?.destinations.map((one) => [destinationKey(one), one.weight]),
      );
      const idle = registration.members
        .filter((one) => effectiveWeight(one) > 0 && keyOf(registration, one) === undefined)
        .map(realServerKey)
        .filter((server) => (weights.get(server) ?? 0) === 0);
      if (idle.length > 0) this.#asFound.set(key, new Set(idle));
    }
  }

  /** A change has asked the servers of a virtual server: none is held back any more for having been found so. */
  letIn(key: string): void {
    this.#asFound.delete(key);
  }

  /**
   * What is wanted of a virtual server now. Tells of its quorum, where that is otherwise than it was.
   *
   * @param found what the kernel holds
   * @param before servers that were ours until now
   */
  want(
    key: string,
    registration: Registration,
    found: Service | undefined,
    before: readonly Member[] = [],
  ): Wanted {
    const wanted = wantedService(this.#asTaken(key, registration), found, before, {
      isHealthy: (member) => this.watch.isHealthy(registration, member),
      isDrained: (member) => this.drains.isAsked(key, realServerKey(member)),
      wasUp: !this.#lost.has(key),
    });
    if (wanted.up === this.#lost.has(key)) {
      if (wanted.up) this.#lost.delete(key);
      else this.#lost.add(key);
      this.onQuorum(key, wanted.up);
    }
    return wanted;
  }

  /**
   * Whether nothing stands between what is declared of a virtual server and what is wanted of it: all servers are well, none
   * drains because somebody asked, and the pool had its quorum. Cheap to ask, and so for nearly all of them.
   */
  isSound(key: string, registration: Registration): boolean {
    const { sorryServer, driftPolicy, members } = registration;
    if (sorryServer !== undefined || driftPolicy === "report") return false;
    if (members.some((one) => refusesForItsSake(registration, one))) return false;
    if (this.#lost.has(key) || this.#asFound.has(key) || !this.watch.isWell(registration)) return false;
    return (
      this.drains.all.length === 0 || !members.some((one) => this.drains.isAsked(key, realServerKey(one)))
    );
  }

  /**
   * All that {@link want} goes by besides the registration and what the kernel holds, as a text: where it is the same, and
   * those two are, the same is wanted.
   */
  basis(key: string, registration: Registration): string {
    const lost = this.#lost.has(key) ? "lost" : "";
    const idle = [...(this.#asFound.get(key) ?? [])].join();
    const isDrained = this.drains.isAnyAsked(key)
      ? (one: Member) => this.drains.isAsked(key, realServerKey(one))
      : () => false;
    const server = (one: Member) =>
      (this.watch.isHealthy(registration, one) ? "u" : "d") + (isDrained(one) ? "-" : "");
    return `${lost} ${idle} ${registration.members.map(server).join("")}`;
  }

  /** With servers held back that were found so, and that nobody has let in since. */
  #asTaken(key: string, registration: Registration): Registration {
    const idle = this.#asFound.get(key);
    if (!idle) return registration;
    const members = registration.members.map((one) =>
      idle.has(realServerKey(one)) ? { ...one, held: true as const } : one,
    );
    return { ...registration, members };
  }
}
