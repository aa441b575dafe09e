import { type Change, type Director, findRegistration, type Member } from "../director";
import { findService } from "../ipvs";
import { type HealthCheck, realServerKey } from "../spec";
import { GateError, RolloutError } from "./errors";
import { type Entrant, entering, passGate } from "./gate";
import { changeEverywhere, rehearseEverywhere } from "./rollout";

/** One resource's change to one virtual server, with the servers it lets in. */
export interface GatedChange {
  /** Key of the virtual server. */
  readonly key: string;
  readonly directors: readonly Director[];
  /** The servers the resource declares. */
  readonly members: readonly Member[];
  readonly checkOf: (member: Member) => HealthCheck;
  /** The change with these members in it, as declared or held back. */
  readonly change: (members: readonly Member[]) => Change;
}

/**
 * Makes a change once every server it lets in has proved healthy from every director. Servers are checked before any
 * table is touched, so a change that fails its gate needs no undoing; see docs/decisions/0002.
 *
 * @throws RolloutError, GateError; either way no director is changed
 */
export async function changeGated(gated: GatedChange): Promise<void> {
  const failures = await passGate(await entrants(gated));
  if (failures.length > 0)
    throw new GateError(failures, "Nothing was changed on any director for this resource.");
  await changeEverywhere(gated.directors, gated.change(gated.members));
}

/**
 * Like {@link changeGated}, for a resource that is being created: when a server fails, the resource's entries are made
 * all the same, those that would have entered with weight 0 where they are not in service already.
 *
 * @returns why it does not work yet, or is not known to; undefined when it does
 * @throws RolloutError when nothing of it exists
 */
export async function createGated(gated: GatedChange): Promise<Error | undefined> {
  const waiting = await entrants(gated);
  const failures = await passGate(waiting);
  const held = new Set(failures.length > 0 ? waiting.map(({ member }) => realServerKey(member)) : []);
  const members = gated.members.map((member) =>
    held.has(realServerKey(member)) ? { ...member, held: true as const } : member,
  );
  try {
    await changeEverywhere(gated.directors, gated.change(members));
  } catch (error) {
    // Forgetting the resource would leave what may stand there without anybody who removes it.
    if (error instanceof RolloutError && error.uncertain) return error;
    throw error;
  }
  if (failures.length === 0) return undefined;
  return new GateError(
    failures,
    "The resource exists, its servers take no connections (weight 0). Run `pulumi up` again when they are well.",
  );
}

async function entrants(gated: GatedChange): Promise<Entrant[]> {
  const states = await rehearseEverywhere(gated.directors, gated.change(gated.members));
  return [...states].flatMap(([director, { registry, table }]) => {
    const before = findRegistration(registry, gated.key)?.registration;
    return entering(before, findService(table, gated.key), gated.members).map((member) => ({
      director,
      member,
      check: gated.checkOf(member),
    }));
  });
}
