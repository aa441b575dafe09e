import {
  type Change,
  type Director,
  type DirectorState,
  findRegistration,
  forwardingPath,
  type Member,
} from "../director";
import { findService } from "../ipvs";
import { type HealthCheck, realServerKey, refusesAtWeightZero, type VirtualServerIdentity } from "../spec";
import { adoptions } from "./adoption";
import { anew, askedOf, guarded } from "./asked";
import { type Leaving, waitUntilDrained } from "./drain";
import { GateError, RolloutError } from "./errors";
import { type Entrant, entering, passGate, type Seen } from "./gate";
import type { Behind } from "./reach";
import { changeEverywhere, type Made, notPutBack, type Policy, rehearseEverywhere } from "./rollout";

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

/** How a change ended that has been made. */
export interface Outcome {
  /** Directors that do not hold it. */
  readonly behind: Behind;
  /** What the servers that were let in answered, by server. */
  readonly gate: Seen;
  /** Servers that are kept at weight 0 because the gate was not passed. */
  readonly held?: readonly string[];
  /** Why it does not work yet, or is not known to. */
  readonly failure?: Error;
}

const NOTHING =
  "Nothing was changed on any director for this resource. Run `pulumi up` again when they are well.";

/**
 * Makes a change once every server it lets in has proved healthy from every director. Servers are checked before any
 * table is touched, so a change that fails its gate needs no undoing; see docs/decisions/0002. Servers that leave are
 * drained first.
 *
 * @throws RolloutError, GateError; either way no director is changed
 */
export function changeGated(gated: GatedChange): Promise<Outcome> {
  return anew(() => changeOnce(gated));
}

async function changeOnce(gated: GatedChange): Promise<Outcome> {
  const { states, behind } = await rehearse(gated);
  const waiting = entrants(gated, states);
  const { failures, seen } = await passGate(waiting);
  if (failures.length > 0) throw new GateError(failures, NOTHING);
  const directors = [...states.keys()];
  const members = inOrder(gated, states);
  const asked = askedOf(directors, waiting);
  const changeTo = (leaving: "drain" | "go") =>
    guarded(gated.change(members, leaving), members, gated.adopts, asked);
  const leaving = leavingServers(gated, states);
  const drains = leaving.some(({ drainMs }) => drainMs > 0);
  const change = changeTo(drains ? "drain" : "go");
  const first = await changeEverywhere(directors, change, gated.policy);
  const fallen = { ...behind, ...first.behind };
  if (!drains) return { behind: fallen, gate: seen };
  const reached = directors.filter(({ name }) => fallen[name] === undefined);
  await waitUntilDrained(reached, gated.key, leaving);
  const last = await afterDrain(reached, changeTo("go"), gated.policy, first);
  return { behind: { ...fallen, ...last.behind }, gate: seen };
}

/**
 * Removes what has drained; where that fails, the change before it is taken back as well. Failures that were borne there
 * count here too.
 */
export async function afterDrain(
  directors: readonly Director[],
  removal: Change,
  policy: Policy,
  drained: Made,
): Promise<Made> {
  const borne = Object.keys(drained.behind).length;
  const maxFailures = Math.max(0, (policy.rollout?.maxFailures ?? 0) - borne);
  try {
    return await changeEverywhere(directors, removal, {
      ...policy,
      rollout: { ...policy.rollout, maxFailures },
    });
  } catch (error) {
    const stuck = await drained.takeBack();
    if (stuck.length === 0 || !(error instanceof RolloutError)) throw error;
    const causes = [...error.causes, ...stuck];
    throw new RolloutError(causes, directors.length, notPutBack(stuck.length), true);
  }
}

/**
 * Like {@link changeGated}, for a resource that is being created: when a server fails, the resource's entries are made
 * all the same, those that would have entered with weight 0 where they are not in service already. What somebody else
 * has made serves clients until then: it is not taken over.
 *
 * @throws RolloutError, GateError when nothing of it exists
 */
export function createGated(gated: GatedChange): Promise<Outcome> {
  return anew(() => createOnce(gated));
}

async function createOnce(gated: GatedChange): Promise<Outcome> {
  const { states, behind } = await rehearse(gated);
  const waiting = entrants(gated, states);
  const { failures, seen } = await passGate(waiting);
  if (failures.length > 0 && takesOver(gated, states)) throw new GateError(failures, NOTHING);
  const held = new Set(failures.length > 0 ? waiting.map(({ member }) => realServerKey(member)) : []);
  const members = inOrder(gated, states).map((member) =>
    held.has(realServerKey(member)) ? { ...member, held: true as const } : member,
  );
  const outcome: Outcome = { behind, gate: seen, ...(held.size > 0 && { held: [...held] }) };
  try {
    const entitled = members.filter(({ held }) => !held);
    const asked = askedOf(states.keys(), waiting);
    const change = guarded(gated.change(members, "go"), entitled, gated.adopts, asked);
    const taken = gated.adopts ? adoptions(gated.key, change, states) : [];
    const made = await changeEverywhere([...states.keys()], change, gated.policy);
    for (const text of taken) console.error(`warning: ${text}.`);
    Object.assign(outcome, { behind: { ...behind, ...made.behind } });
  } catch (error) {
    // Forgetting the resource would leave what may stand there without anybody who removes it.
    if (error instanceof RolloutError && error.uncertain) return { ...outcome, failure: error };
    throw error;
  }
  if (failures.length === 0) return outcome;
  const consequence =
    "The resource exists, its servers take no connections (weight 0). Run `pulumi up` again when they are well.";
  return { ...outcome, failure: new GateError(failures, consequence) };
}

/** Whether a virtual server that nobody has registered stands on a director, and would become the resource's own. */
function takesOver({ adopts, key }: GatedChange, states: States): boolean {
  const stands = ({ registry, table }: DirectorState) =>
    findService(table, key) !== undefined && findRegistration(registry, key) === undefined;
  return adopts && [...states.values()].some(stands);
}

function rehearse(gated: GatedChange) {
  return rehearseEverywhere(gated.directors, gated.change(gated.members, "go"), gated.policy);
}

type States = ReadonlyMap<Director, DirectorState>;

function entrants(gated: GatedChange, states: States): Entrant[] {
  return [...states].flatMap(([director, { registry, table }]) => {
    const before = findRegistration(registry, gated.key)?.registration;
    const service = findService(table, gated.key);
    return entering(before, service, gated.members, gated.adopts).map((member) => ({
      director,
      member,
      check: gated.checkOf(member),
      path: forwardingPath(gated.service, member, gated.checkOf(member)),
    }));
  });
}

/**
 * The members in the order in which directors got them: hashing schedulers depend on it, so a director that is filled
 * anew must be filled as the others were. New ones come last, in normal order.
 */
function inOrder({ key, members }: GatedChange, states: States): Member[] {
  const registered = [...states.values()].map(
    ({ registry }) => findRegistration(registry, key)?.registration.members ?? [],
  );
  const reference = registered.find((one) => one.length > 0) ?? [];
  const known = reference.map(realServerKey);
  const place = (member: Member) => {
    const at = known.indexOf(realServerKey(member));
    return at === -1 ? known.length : at;
  };
  const ordered = [...members].sort((a, b) => place(a) - place(b));
  // A director that has not got it yet is to hold it as the others do.
  return ordered.map((member) => {
    const lastWeight = reference[place(member)]?.lastWeight;
    return lastWeight === undefined ? member : { ...member, lastWeight };
  });
}

/**
 * Servers that some director has registered for this resource and that the change would remove. Where a server at weight
 * 0 refuses connections that others could take, none is drained.
 */
function leavingServers(gated: GatedChange, states: States): Leaving[] {
  const servers = new Set<string>();
  for (const [director, { registry, table }] of states) {
    const before = findRegistration(registry, gated.key)?.registration.members ?? [];
    const next = gated.change(gated.members, "go").apply({ director: director.name, registry, table });
    const wanted = findRegistration(next, gated.key)?.registration;
    if (wanted && refusesAtWeightZero(wanted.scheduler, wanted.schedulerFlags)) continue;
    const after = new Set(wanted?.members.map(realServerKey));
    for (const one of before) if (!after.has(realServerKey(one))) servers.add(realServerKey(one));
  }
  return [...servers].map((server) => ({ server, drainMs: gated.drainMsOf(server) }));
}
