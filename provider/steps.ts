import {
  type Change,
  type Director,
  type DirectorState,
  findRegistration,
  inOrderOf,
  type Member,
} from "../director";
import { type HealthCheck, realServerKey, refusesAtWeightZero, type VirtualServerIdentity } from "../spec";
import { givingBack } from "./adoption";
import { type Answers, guarded } from "./asked";
import type { Leaving } from "./drain";
import type { GateFailure } from "./errors";
import type { Policy } from "./rollout";
import { holdingBack } from "./serving";

/** One resource's change to one virtual server, with the servers it lets in and those it lets go. */
export interface GatedChange {
  /** Key of the virtual server. */
  readonly key: string;
  /** What clients ask for. */
  readonly service: VirtualServerIdentity;
  readonly directors: readonly Director[];
  readonly policy: Policy;
  /** The servers the resource declares. */
  readonly members: readonly Member[];
  readonly checkOf: (member: Member) => HealthCheck;
  /**
   * By what servers of other resources are asked that a director has lost, and that the change then lets in again. Absent:
   * they are not asked, and get no connections.
   */
  readonly checkOfOthers?: HealthCheck | undefined;
  /** Entries that nobody registered are taken for the resource's own: the kernel alone says who is in service. */
  readonly adopts: boolean;
  /** How long a server's connections may go on when the change removes it; 0: they are not waited for. */
  readonly drainMsOf: (server: string) => number;
  /**
   * The change with these members in it, as declared or held back.
   *
   * @param leaving `drain`: servers that are to go stay a while, and take no new connections
   */
  readonly change: (members: readonly Member[], leaving: "drain" | "go") => Change;
}

/** Who takes part in a change, and what each held when it was looked at. */
export type States = ReadonlyMap<Director, DirectorState>;

/** A change in one step, or in two where servers drain in between. */
export interface Steps {
  readonly first: Change;
  readonly removal?: Change;
  readonly leaving: readonly Leaving[];
}

/**
 * The steps in which a change is made that lets in nobody but those who have been asked.
 *
 * @param answers who has been asked at the gate, and did not become healthy
 * @param failures of those who did not, and without whom the change is made on that director
 */
export function stepsOf(
  gated: GatedChange,
  states: States,
  members: readonly Member[],
  answers: Answers,
  failures: readonly GateFailure[] = [],
): Steps {
  const limits = new Map([...states].map(([director, state]) => [director.name, state.limits]));
  const changeTo = (leaving: "drain" | "go") =>
    guarded(
      holdingBack(givingBack(gated.change(members, leaving), limits), failures),
      members,
      gated,
      answers,
    );
  const leaving = leavingServers(gated, states);
  if (!leaving.some(({ drainMs }) => drainMs > 0)) return { first: changeTo("go"), leaving };
  return { first: changeTo("drain"), removal: changeTo("go"), leaving };
}

/**
 * The members in the order in which directors got them: hashing schedulers depend on it, so a director that is filled
 * anew must be filled as the others were. New ones come last, in normal order.
 */
export function inOrder({ key, members }: GatedChange, states: States): Member[] {
  const registered = [...states.values()].map(
    ({ registry }) => findRegistration(registry, key)?.registration.members ?? [],
  );
  const reference = registered.find((one) => one.length > 0) ?? [];
  const known = new Map(reference.map((one) => [realServerKey(one), one]));
  // A director that has not got it yet is to hold it as the others do.
  return inOrderOf(members, reference).map((member) => {
    const lastWeight = known.get(realServerKey(member))?.lastWeight;
    return lastWeight === undefined ? member : { ...member, lastWeight };
  });
}

/** Whether the change takes a server out of the pool anywhere, drained before or not. */
export function removes(gated: GatedChange, states: States): boolean {
  const change = gated.change(gated.members, "go");
  return [...states].some(([director, { registry, table }]) => {
    const after = findRegistration(
      change.apply({ director: director.name, registry, table }),
      gated.key,
    )?.registration;
    const staying = new Set(after?.members.map(realServerKey));
    const before = findRegistration(registry, gated.key)?.registration;
    return before?.members.some((one) => !staying.has(realServerKey(one))) ?? false;
  });
}

/**
 * Servers that some director holds for this resource, or that are taken over with it, and that the change would remove.
 * Where a server at weight 0 refuses connections that others could take, none is drained.
 */
function leavingServers(gated: GatedChange, states: States): Leaving[] {
  const servers = new Set<string>();
  for (const [director, { registry, table }] of states) {
    const after = (leaving: "drain" | "go") => {
      const next = gated.change(gated.members, leaving).apply({ director: director.name, registry, table });
      return findRegistration(next, gated.key)?.registration;
    };
    const wanted = after("go");
    if (wanted && refusesAtWeightZero(wanted.scheduler, wanted.schedulerFlags)) continue;
    const staying = new Set(wanted?.members.map(realServerKey));
    const all = after("drain")?.members.map(realServerKey) ?? [];
    for (const server of all) if (!staying.has(server)) servers.add(server);
  }
  return [...servers].map((server) => ({ server, drainMs: gated.drainMsOf(server) }));
}
