import {
  type Change,
  ConnectionLostError,
  type Director,
  findRegistration,
  type Registration,
  removeAgent,
  UnexpectedAnswerError,
  UnreachableError,
} from "../director";
import { findService, renderRemoval } from "../ipvs";
import { DRAIN_MS, realServerKey, refusesAtWeightZero } from "../spec";
import { isNobodys } from "./agents";
import { setApart } from "./apart";
import { type Leaving, removeWhenDrained, waitUntilDrained } from "./drain";
import { withCode } from "./errors";
import { errorOf } from "./reach";
import { changeEverywhere, type Policy, rehearseEverywhere } from "./rollout";

/** How a resource leaves. */
export interface Removal {
  /** Id of its cluster. */
  readonly owner: string;
  /** Key of the virtual server. */
  readonly key: string;
  /** Its servers take no new connections. */
  readonly drain: Change;
  /** It is gone. */
  readonly remove: Change;
  readonly leaving: readonly Leaving[];
}

/**
 * Takes a resource off its directors when the connections of its servers have ended or their time is over. A director
 * that cannot be reached is found before the others have let the service go. No failure is borne, whatever
 * `rollout.maxFailures` says: nobody would try again what the state has forgotten.
 */
export async function removeDrained(
  directors: readonly Director[],
  { key, drain, remove, leaving }: Removal,
  { rollout, unreachable }: Policy,
): Promise<void> {
  const policy = { unreachable, rollout: { ...rollout, maxFailures: 0 } };
  const { states, behind } = await rehearseEverywhere(directors, remove, policy);
  for (const reason of Object.values(behind)) {
    console.error(`warning: virtual server ${key} may still stand there: ${reason}`);
  }
  const reached = [...states.keys()];
  for (const [director, { registry, table }] of states) {
    if (findRegistration(registry, key) || !findService(table, key)) continue;
    console.error(
      `warning: virtual server ${key} stands on director ${director.name} and is no longer registered there: it was left as it is. ` +
        "If it was this one, remove it there with ipvsadm.",
    );
  }
  const drains = [...states.values()].every(({ registry }) => isDrainable(findRegistration(registry, key)));
  if (!drains || !leaving.some(({ drainMs }) => drainMs > 0)) {
    await changeEverywhere(reached, remove, policy);
    return;
  }
  const drained = await changeEverywhere(reached, drain, policy);
  await removeWhenDrained(reached, leaving, remove, policy, drained);
}

/** Whether a server there can be at weight 0 without refusing connections that others could take. */
function isDrainable(found: ReturnType<typeof findRegistration>): boolean {
  if (!found) return true;
  return !refusesAtWeightZero(found.registration.scheduler, found.registration.schedulerFlags);
}

/** What of a resource may be left on a director that has left its cluster, and why. */
interface Remnant {
  readonly reason: string;
  /** How it stands: as far as was known before it failed. `gone`: of it nothing, of the director's agent all. */
  readonly stands: "unknown" | "in service" | "drained" | "gone";
}

/** Directors that could not be reached in this process: each resource would wait for them anew. */
const unreachable = new WeakMap<Director, Remnant>();

/**
 * Takes a resource off directors that have left the cluster, as far as they can still be reached: a dead director is the
 * usual reason to remove one, and must not hold up the others. Each drains by itself. A warning says what stands there, or
 * may, and how to remove it: no later run looks at a director that has left.
 */
export async function leave(directors: readonly Director[], removal: Removal): Promise<void> {
  await Promise.all(
    directors.map(async (director) => {
      const remnant = unreachable.get(director) ?? (await attempt(director, removal));
      if (remnant) console.error(`warning: ${describe(director, removal, remnant)}`);
    }),
  );
}

function describe({ name, mode }: Director, { key, drain: { member } }: Removal, remnant: Remnant): string {
  const what = member === undefined ? `virtual server ${key}` : `${member} of virtual server ${key}`;
  const how = {
    unknown: `${what} may still stand`,
    "in service": `${what} still stands`,
    drained: `${what} still stands, at weight 0,`,
    gone: "the agent still runs",
  }[remnant.stands];
  // An agent puts back what somebody removes by hand.
  const byHand =
    mode === "agent"
      ? ""
      : ` Or, on ${name}: \`ipvsadm ${renderRemoval(key, member)}\`, and see docs/errors.md (entries of an owner who is gone) for its line in /var/lib/heye/registry.`;
  return (
    `${how} on director ${name}, which left the cluster, and no later run removes it. ${remnant.reason} ` +
    `To remove it, add ${name} to the cluster once more and remove it again.${byHand}`
  );
}

async function attempt(director: Director, removal: Removal): Promise<Remnant | undefined> {
  const { key, drain, remove } = removal;
  let stands: Remnant["stands"] = "unknown";
  try {
    await setApart(director, removal.owner);
    const { registry } = await director.rehearse(remove);
    stands = "in service";
    const found = findRegistration(registry, key);
    const leaving = found && isDrainable(found) ? leavingWith(removal, found.registration) : [];
    if (leaving.some(({ drainMs }) => drainMs > 0)) {
      await director.change(drain);
      stands = "drained";
      await waitUntilDrained([director], key, leaving);
    }
    await director.change(remove);
    stands = "gone";
    // The agent stays as long as anything is to be kept there, whosever it is.
    if (director.mode === "agent" && isNobodys((await director.read()).registry)) await removeAgent(director);
    return undefined;
  } catch (error) {
    const reason = withCode(errorOf(error));
    if (stands === "gone" || !isUncertain(error)) return { reason, stands };
    const remnant = { reason, stands: "unknown" } as const;
    if (!(error instanceof UnexpectedAnswerError)) unreachable.set(director, remnant);
    return remnant;
  }
}

/** Whether what a director holds now is not known. */
function isUncertain(error: unknown): boolean {
  return (
    error instanceof UnreachableError ||
    error instanceof ConnectionLostError ||
    error instanceof UnexpectedAnswerError
  );
}

/**
 * The servers that a resource takes with it. A virtual server is the first to leave and takes its whole pool: of servers that
 * are resources of their own it does not know for how long, and gives them the usual time.
 */
function leavingWith({ drain, leaving }: Removal, { members }: Registration): Leaving[] {
  const limits = new Map(leaving.map((one) => [one.server, one]));
  return members.flatMap((member) => {
    const server = realServerKey(member);
    const declared = limits.get(server);
    if (declared) return [declared];
    return drain.member === undefined ? [{ server, drainMs: DRAIN_MS }] : [];
  });
}
