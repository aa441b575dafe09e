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
import { adoptions, givingBack } from "./adoption";
import { anew, askedOf, guarded } from "./asked";
import { type Leaving, removeWhenDrained } from "./drain";
import { GateError, RolloutError } from "./errors";
import { type Entrant, entering, passGate, type Seen } from "./gate";
import { type Behind, errorOf } from "./reach";
import { changeEverywhere, type Policy, rehearseEverywhere } from "./rollout";

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
  const steps = stepsOf(gated, states, inOrder(gated, states), waiting);
  const first = await changeEverywhere([...states.keys()], steps.first, gated.policy);
  const fallen = { ...behind, ...first.behind };
  if (!steps.removal) return { behind: fallen, gate: seen };
  const reached = without(states.keys(), fallen);
  const last = await removeWhenDrained(reached, steps.leaving, steps.removal, gated.policy, first);
  return { behind: { ...fallen, ...last.behind }, gate: seen };
}

/** A change in one step, or in two where servers drain in between. */
interface Steps {
  readonly first: Change;
  readonly removal?: Change;
  readonly leaving: readonly Leaving[];
}

function stepsOf(
  gated: GatedChange,
  states: States,
  members: readonly Member[],
  waiting: readonly Entrant[],
): Steps {
  const asked = askedOf(states.keys(), waiting);
  const entitled = members.filter(({ held }) => !held);
  const changeTo = (leaving: "drain" | "go") =>
    guarded(givingBack(gated.change(members, leaving), states), entitled, gated.adopts, asked);
  const leaving = leavingServers(gated, states);
  if (!leaving.some(({ drainMs }) => drainMs > 0)) return { first: changeTo("go"), leaving };
  return { first: changeTo("drain"), removal: changeTo("go"), leaving };
}

function without(directors: Iterable<Director>, behind: Behind): Director[] {
  return [...directors].filter(({ name }) => behind[name] === undefined);
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
  const made = await makeNew(gated, states, stepsOf(gated, states, members, waiting), outcome);
  if (made.failure || failures.length === 0) return made;
  const consequence =
    "The resource exists, its servers take no connections (weight 0). Run `pulumi up` again when they are well.";
  return { ...made, failure: new GateError(failures, consequence) };
}

/** Where this fails, and something of it may stand, the resource is kept: nobody else would ever remove it. */
async function makeNew(gated: GatedChange, states: States, steps: Steps, outcome: Outcome): Promise<Outcome> {
  let made: Outcome = outcome;
  try {
    const taken = gated.adopts ? adoptions(gated.key, steps.removal ?? steps.first, states) : [];
    const first = await changeEverywhere([...states.keys()], steps.first, gated.policy);
    for (const text of taken) console.error(`warning: ${text}.`);
    made = { ...outcome, behind: { ...outcome.behind, ...first.behind } };
    if (!steps.removal) return made;
    // What was let in serves by now: it stays where this fails, and the next `up` goes on from there.
    const kept = { ...first, takeBack: async () => [] };
    const reached = without(states.keys(), made.behind);
    const last = await removeWhenDrained(reached, steps.leaving, steps.removal, gated.policy, kept);
    return { ...made, behind: { ...made.behind, ...last.behind } };
  } catch (error) {
    const stands = made !== outcome || (error instanceof RolloutError && error.uncertain);
    if (stands) return { ...made, failure: errorOf(error) };
    throw error;
  }
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
