import { configDigest, runningAgent } from "../director";
import type { Sight } from "./settlement";

/**
 * Whom else it concerns that a director's agent is told something else, by their labels: a director has one agent, and others
 * have entries there. Nobody, where it has been told the same, or where none answers, which was told who knows what.
 *
 * @param id of the cluster that tells it
 * @param config what it is told, as `agentConfig` says it
 */
export async function concernedByTelling(
  { director, registry }: Pick<Sight, "director" | "registry">,
  id: string,
  config: string,
): Promise<string[]> {
  const others = Object.entries(registry.owners).filter(([owner]) => owner !== id);
  if (others.length === 0) return [];
  const running = await runningAgent(director);
  if (running === undefined || running.config === configDigest(config)) return [];
  return others.map(([, { label }]) => label);
}

/** What is said where a director's agent was told something else, and others have entries there. */
export function toldForOthersToo(director: string, labels: readonly string[]): string {
  return (
    `director ${director}: its agent was told something else than before (its name there, \`etcd\` or \`api\`), and that holds for ` +
    `${labels.join(", ")} too: a director has one agent. Declare the same there, \`etcd.prefix\` included.`
  );
}
