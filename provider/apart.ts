import { AgentRefusedError, configDigest, type Director, installAgent, runningAgent } from "../director";
import { agentProgram } from "./agents";

/**
 * A director has left a cluster and cannot let go of what is that cluster's: others have entries there, and it shares an etcd.
 * Nothing was changed.
 */
export class StillSharedError extends Error {
  constructor(director: string, labels: readonly string[]) {
    super(
      `director ${director} shares an etcd, and ${labels.join(", ")} has entries there: what is let go of on it would go from all ` +
        "directors that share that etcd. It stays there as long as they share.",
    );
    this.name = "StillSharedError";
  }
}

/** Directors that share nothing any more with those that they have left. */
const apart = new WeakMap<Director, Promise<void>>();

/**
 * Has a director share nothing any more with the cluster that it has left: what it let go of would go everywhere. What it was
 * told for others is left as it is. One that could not be asked is asked anew the next time.
 *
 * @param owner id of the cluster that it has left
 * @throws StillSharedError, DirectorError
 */
export async function setApart(director: Director, owner: string): Promise<void> {
  if (director.mode !== "agent") return;
  const running = apart.get(director) ?? unshare(director, owner);
  apart.set(director, running);
  try {
    await running;
  } catch (error) {
    apart.delete(director);
    throw error;
  }
}

async function unshare(director: Director, owner: string): Promise<void> {
  const running = await runningAgent(director);
  if (running === undefined || running.config === configDigest("")) return;
  const { owners } = (await director.read()).registry;
  const others = Object.entries(owners).filter(([id]) => id !== owner);
  if (others.length === 0) {
    await installAgent(director, agentProgram(), "");
    return;
  }
  // Its configuration is the others' too: an API alone is in nobody's way.
  if (await isSharing(director))
    throw new StillSharedError(
      director.name,
      others.map(([, { label }]) => label),
    );
}

async function isSharing(director: Director): Promise<boolean> {
  try {
    return (await director.plane()) !== undefined;
  } catch (error) {
    if (error instanceof AgentRefusedError) return false;
    throw error;
  }
}
