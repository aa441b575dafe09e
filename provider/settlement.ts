import { setTimeout as delay } from "node:timers/promises";
import {
  type Actor,
  AgentOwnsError,
  type Capabilities,
  ConnectionLostError,
  changeSettings,
  type Director,
  DUMMY_DEVICE,
  isSomething,
  observeSettings,
  type Registry,
  rehearseSettings,
  type SettingsState,
  type SettingsWish,
  UnexpectedAnswerError,
} from "../director";
import { type Cluster, kernelValues } from "../spec";
import { equip, refuseRivals } from "./equip";
import { RolloutError } from "./errors";
import { ask, type Behind, isSilent, skipping } from "./reach";
import { type Rollout, wavesOf } from "./waves";

/** What a cluster declares for its directors' kernels. */
export type Declared = Pick<
  Cluster,
  "settings" | "timeouts" | "restoreAtBoot" | "install" | "coexist" | "addresses" | "unreachable"
>;

/** A director that has been looked at. */
export interface Sight {
  readonly director: Director;
  readonly wish: SettingsWish;
  readonly state: SettingsState;
  readonly capabilities: Capabilities;
  readonly registry: Registry;
}

/** What a cluster wants of a director's kernel; one without IPv6 has nothing to forward there. */
function wishOf(declared: Declared, ipv6: boolean): SettingsWish {
  const values = Object.entries(kernelValues(declared)).filter(
    ([name]) => ipv6 || name !== "net.ipv6.conf.all.forwarding",
  );
  return {
    ...(declared.restoreAtBoot && { boot: true as const }),
    ...(declared.addresses === "lo" && { place: "lo" }),
    ...(declared.addresses === "dummy" && { place: DUMMY_DEVICE }),
    modules: [...new Set(declared.settings?.modules ?? [])].sort(),
    values: Object.fromEntries(values),
  };
}

/** Looks at one director: its table and registry can be read, its modules load, and what it is. */
export async function sight(director: Director, declared: Declared): Promise<Sight> {
  const { registry } = await director.read();
  const { capabilities, ...state } = await observeSettings(director, wishOf(declared, true));
  return { director, wish: wishOf(declared, capabilities.ipv6), state, capabilities, registry };
}

/**
 * Looks at all directors at the same time, and finds out whether the cluster can have what it declares there. All that
 * stands in the way is said together; no setting is changed. Missing programs are installed first, where that is asked
 * for.
 *
 * @param mayHaveAgent whether an agent may keep the table of the director of that name; where one does that may not, the
 *   cluster is refused: nothing that it declared there could ever be changed
 * @throws RolloutError
 */
export async function survey(
  directors: readonly Director[],
  declared: Declared,
  actor: Actor,
  mayHaveAgent: (director: string) => boolean,
): Promise<Survey> {
  await equip(directors, declared);
  const look = async (director: Director) => {
    const seen = await sight(director, declared);
    if (seen.capabilities.hasAgent && !mayHaveAgent(director.name)) throw new AgentOwnsError(director.name);
    refuseRivals(director, seen.capabilities.rivals, declared);
    rehearseSettings(director, seen.state, actor, seen.wish);
    return seen;
  };
  const { reached, behind, causes, total } = await ask(
    directors,
    look,
    skipping(declared.unreachable, isSilent),
  );
  if (causes.length > 0) throw new RolloutError(causes, total, "No setting was changed on any director.");
  return { seen: [...reached.values()], behind };
}

/** Directors that have been looked at, and those that were left out. */
export interface Survey {
  readonly seen: readonly Sight[];
  readonly behind: Behind;
}

/**
 * Makes what a cluster declares hold on all its directors, wave by wave. When one fails, no further wave begins, and the
 * others go back to what this cluster had set there before. No failure is borne: a cluster's settings are few, and
 * rarely change.
 *
 * @throws RolloutError saying what the others hold now
 */
export async function settle(seen: readonly Sight[], actor: Actor, rollout: Rollout = {}): Promise<void> {
  const begun: Sight[] = [];
  for (const wave of wavesOf(seen, rollout)) {
    if (begun.length > 0 && rollout.pauseMs) await delay(rollout.pauseMs);
    begun.push(...wave);
    const outcomes = await Promise.allSettled(
      wave.map(({ director, state, wish }) => changeSettings(director, state, actor, wish)),
    );
    const causes = rejections(outcomes);
    if (causes.length > 0) throw await putBack(begun, actor, causes, seen.length);
  }
}

async function putBack(
  begun: readonly Sight[],
  actor: Actor,
  causes: readonly Error[],
  total: number,
): Promise<RolloutError> {
  const undoing = begun.map(async ({ director, state }) => {
    // What a failed one holds is found out anew.
    const { capabilities: _, ...now } = await observeSettings(director, state.record.owners[actor.id]);
    await changeSettings(director, now, actor, state.record.owners[actor.id]);
  });
  const stuck = rejections(await Promise.allSettled(undoing));
  const uncertain =
    stuck.length > 0 ||
    causes.some((one) => one instanceof ConnectionLostError || one instanceof UnexpectedAnswerError);
  const consequence =
    stuck.length > 0
      ? `Putting settings back failed on ${stuck.length} as well (above); run \`pulumi up\` again to repair them.`
      : "Settings were put back on all of them to what they were before.";
  return new RolloutError([...causes, ...stuck], total, consequence, uncertain);
}

/**
 * Takes back what a cluster has set on directors.
 *
 * @throws RolloutError before anything is taken back, when one cannot be reached
 */
export async function unsettle(
  directors: readonly Director[],
  actor: Actor,
  unreachable: "fail" | "skip" = "fail",
): Promise<Behind> {
  const look = (director: Director) => observeSettings(director, undefined);
  const {
    reached,
    behind,
    causes: missing,
    total,
  } = await ask(directors, look, skipping(unreachable, isSilent));
  if (missing.length > 0) throw new RolloutError(missing, total, "No setting was changed on any director.");
  const outcomes = await Promise.allSettled(
    [...reached].map(([director, state]) => changeSettings(director, state, actor, undefined)),
  );
  const causes = rejections(outcomes);
  if (causes.length > 0)
    throw new RolloutError(causes, reached.size, "The cluster is kept in the state; run the command again.");
  return behind;
}

/** Whether a cluster may have set anything on its directors. */
export function hasSettings(declared: Declared): boolean {
  return isSomething(wishOf(declared, true));
}

function rejections(outcomes: readonly PromiseSettledResult<unknown>[]): Error[] {
  return outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
}
