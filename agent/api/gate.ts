import {
  type Basis,
  canonicalJson,
  checkForwarding,
  entering,
  type ForwardingPath,
  type ForwardingProber,
  findRegistration,
  forwardingPath,
  GateError,
  type GateFailure,
  type Registry,
} from "../../director/data";
import { type Dial, waitUntilHealthy } from "../../health";
import { findService } from "../../ipvs";
import { type ActiveHealthCheck, realServerKey } from "../../spec";
import { changedServers } from "./edits";

/** A server that a change lets in, and what it has to prove before. */
export interface Entrant {
  /** Of which virtual server, by its key. */
  readonly service: string;
  readonly server: string;
  readonly target: { readonly address: string; readonly port: number };
  readonly check: ActiveHealthCheck;
  /** The way its clients' packets will go, where that has to be checked too (docs/decisions/0014). */
  readonly path?: ForwardingPath | undefined;
  /** The same for those that prove the same. */
  readonly key: string;
}

/** Servers that take no new connections now and are to take some; as in a change of the provider's. */
export function entrants(basis: Basis, after: Registry, scope: ReadonlySet<string>): Entrant[] {
  return [...scope].flatMap((service) => {
    const before = findRegistration(basis.registry, service)?.registration;
    const wanted = findRegistration(after, service)?.registration;
    if (!wanted) return [];
    const found = findService(basis.table, service);
    return entering(before, found, changedServers(before, wanted)).flatMap((member): Entrant[] => {
      const check = member.healthCheck ?? wanted.healthCheck;
      // Nothing is asked of it: it is let in at once.
      if (check === undefined || check.type === "none") return [];
      const target = { address: member.address, port: member.port };
      const { forwarding, tunnel } = member;
      const key = canonicalJson({ service, target, check, forwarding, tunnel });
      const path = forwardingPath(wanted, member, check);
      return [{ service, server: realServerKey(member), target, check, path, key }];
    });
  });
}

/** Asks servers, as the agent of one director or those of a cluster do. */
export interface Gate {
  /**
   * Waits until all of them are healthy.
   *
   * @throws GateError with all that did not become so within the deadlines of their checks
   */
  ask(entrants: readonly Entrant[], signal: AbortSignal): Promise<void>;
}

/** Asks from this director. */
export class OwnGate implements Gate {
  /** @param director its name, in errors */
  constructor(
    private readonly dial: Dial,
    private readonly prober: ForwardingProber,
    private readonly director: string,
  ) {}

  async ask(waiting: readonly Entrant[], signal: AbortSignal): Promise<void> {
    const outcomes = await Promise.all(waiting.map((one) => this.#failureOf(one, signal)));
    const failures = outcomes.filter((one) => one !== undefined);
    if (failures.length > 0)
      throw new GateError(failures, "Nothing was changed. Try again when they are well.");
  }

  /** Its own address is asked first, and the way of its clients' packets once that has passed. */
  async #failureOf(
    { server, target, check, path }: Entrant,
    signal: AbortSignal,
  ): Promise<GateFailure | undefined> {
    const failure = { director: this.director, server, check };
    const verdict = await waitUntilHealthy(check, target, this.dial, signal);
    if (!verdict.healthy) return { ...failure, verdict };
    const through = path && (await checkForwarding(this.prober, path, signal));
    return through?.healthy === false ? { ...failure, path, verdict: through } : undefined;
  }
}
