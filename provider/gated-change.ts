import { type Director, type DirectorState, entering, findRegistration, forwardingPath } from "../director";
import { findService } from "../ipvs";
import { realServerKey } from "../spec";
import { adoptions } from "./adoption";
import { anew, answersOf } from "./asked";
import { removeWhenDrained } from "./drain";
import { GateError, RolloutError } from "./errors";
import { stillBehind } from "./followers";
import { type Entrant, passGate, type Seen } from "./gate";
import { lacking, lostEntrants } from "./lost";
import { type Behind, errorOf } from "./reach";
import { changeEverywhere, type Question, rehearseEverywhere, withThresholds } from "./rollout";
import { judge } from "./serving";
import { type GatedChange, inOrder, removes, type States, type Steps, stepsOf } from "./steps";

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

/** What to do next; a server that is declared with weight 0 is not asked, so one that is dead holds up nobody else. */
const NEXT =
  "Run `pulumi up` again when they are well, or without them: take them out, or give them `weight: 0`.";
const NOTHING = `Nothing was changed on any director for this resource. ${NEXT}`;

/**
 * Makes a change once every server it lets in has proved healthy from every director. Servers are checked before any
 * table is touched, so a change that fails its gate needs no undoing; see docs/decisions/0002. Servers that leave are
 * drained first.
 *
 * @throws GateError: no director is changed; RolloutError, whose `uncertain` says that one may be
 */
export function changeGated(gated: GatedChange): Promise<Outcome> {
  return anew(() => changeOnce(gated));
}

async function changeOnce(gated: GatedChange): Promise<Outcome> {
  const rehearsed = await rehearse(gated);
  // On a director that has joined the cluster.
  const takes = takesOver(gated, rehearsed.states);
  const { states, behind } = takes ? await rehearse(gated, withThresholds) : rehearsed;
  const { waiting, failures, othersFailures, seen, answers } = await askAll(gated, states);
  const { fatal, tolerable } = judge(gated.key, states, waiting, failures);
  // A director would lose those that it has before it has others.
  const isRisky = tolerable.length > 0 && removes(gated, states);
  if (fatal.length > 0 || isRisky) throw new GateError(failures, NOTHING);
  const lacks = lacking(gated.key, [...othersFailures, ...tolerable]);
  const steps = stepsOf(gated, states, inOrder(gated, states), answers, tolerable);
  const taken = takes ? adoptions(gated.key, steps.removal ?? steps.first, states) : [];
  const first = await changeEverywhere([...states.keys()], steps.first, gated.policy);
  for (const text of taken) console.error(`warning: ${text}.`);
  const silent = await stillBehind([...states.keys()], behind);
  const fallen = { ...silent, ...first.behind };
  if (!steps.removal) return { behind: { ...lacks, ...fallen }, gate: seen };
  const reached = without(states.keys(), fallen);
  const last = await removeWhenDrained(reached, steps.leaving, steps.removal, gated.policy, first);
  return { behind: { ...lacks, ...fallen, ...last.behind }, gate: seen };
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
  const { states, behind } = await rehearse(gated, gated.adopts ? withThresholds : undefined);
  const { waiting, failures, othersFailures, seen, answers } = await askAll(gated, states);
  if (failures.length > 0 && takesOver(gated, states)) throw new GateError(failures, NOTHING);
  const held = new Set(failures.length > 0 ? waiting.map(({ member }) => realServerKey(member)) : []);
  const members = inOrder(gated, states).map((member) =>
    held.has(realServerKey(member)) ? { ...member, held: true as const } : member,
  );
  const outcome: Outcome = { behind, gate: seen, ...(held.size > 0 && { held: [...held] }) };
  const steps = stepsOf(gated, states, members, answers);
  const done = await makeNew(gated, states, steps, outcome);
  const made = { ...done, behind: { ...lacking(gated.key, othersFailures), ...done.behind } };
  if (made.failure || failures.length === 0) return made;
  const consequence = `The resource exists, its servers take no connections (weight 0). ${NEXT}`;
  return { ...made, failure: new GateError(failures, consequence) };
}

/** Where this fails, and something of it may stand, the resource is kept: nobody else would ever remove it. */
async function makeNew(gated: GatedChange, states: States, steps: Steps, outcome: Outcome): Promise<Outcome> {
  let made: Outcome = outcome;
  try {
    const taken = gated.adopts ? adoptions(gated.key, steps.removal ?? steps.first, states) : [];
    const first = await changeEverywhere([...states.keys()], steps.first, gated.policy);
    for (const text of taken) console.error(`warning: ${text}.`);
    const silent = await stillBehind([...states.keys()], outcome.behind);
    made = { ...outcome, behind: { ...silent, ...first.behind } };
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

function rehearse(gated: GatedChange, question?: Question) {
  return rehearseEverywhere(gated.directors, gated.change(gated.members, "go"), gated.policy, question);
}

/** Asks the change's own servers, and those of others that it lets in again, at the same time. */
async function askAll(gated: GatedChange, states: States) {
  const [waiting, lost] = [entrants(gated, states), lostEntrants(gated, states)];
  const [own, others] = await Promise.all([passGate(waiting), passGate(lost)]);
  return {
    waiting,
    failures: own.failures,
    seen: { ...others.seen, ...own.seen },
    answers: answersOf(states.keys(), [...waiting, ...lost], [...own.failures, ...others.failures]),
    /** Of servers of others, which stay without connections. */
    othersFailures: others.failures,
  };
}

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
