import type { Actor } from "../director";
import type { Cluster } from "../spec";
import { settleAgents } from "./agents";
import { RolloutError } from "./errors";
import { InitialisationError, type Properties } from "./handler";
import { errorOf } from "./reach";
import { hasSettings, type Sight, settle } from "./settlement";

/**
 * Makes settings and agents what a cluster declares.
 *
 * @param declared with its secrets
 * @param kept what the state holds of it where that fails and something of it may stand
 * @param before the mode until now; undefined: the cluster is new
 * @throws InitialisationError when something may stand; RolloutError when nothing does
 */
export async function settleAll(
  seen: readonly Sight[],
  actor: Actor,
  declared: Cluster,
  kept: Properties,
  before?: Cluster["mode"],
): Promise<void> {
  let stands = false;
  try {
    await settle(seen, actor, declared.rollout);
    stands = hasSettings(declared) || before !== undefined;
    await settleAgents(seen, actor.id, declared, before);
  } catch (error) {
    if (!stands && !(error instanceof RolloutError && error.uncertain)) throw error;
    throw new InitialisationError(actor.id, kept, errorOf(error));
  }
}
