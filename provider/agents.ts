import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type AgentProgram, type Director, installAgent, type Registry, removeAgent } from "../director";
import type { Cluster } from "../spec";
import { RolloutError } from "./errors";
import { ask, skipping } from "./reach";
import type { Sight } from "./settlement";

/** The package was built without the agent's program. */
export class NoAgentProgramError extends Error {
  readonly code = "HEYE_NO_AGENT_PROGRAM";

  constructor(file: string, reason: string) {
    super(
      `expected the agent's program in ${file}, found none (${reason}): the package is incomplete. Build it with \`npm run build\`. [HEYE_NO_AGENT_PROGRAM]`,
    );
    this.name = "NoAgentProgramError";
  }
}

const FILE = join(__dirname, "..", "agent", "heye-agent.js");
let program: AgentProgram | undefined;

/** The agent that belongs to this package. Throws NoAgentProgramError. */
export function agentProgram(): AgentProgram {
  program ??= readProgram();
  return program;
}

function readProgram(): AgentProgram {
  try {
    const text = readFileSync(FILE, "utf8");
    const version = /^\/\/ heye-agent (\S+)\n/.exec(text)?.[1];
    if (version === undefined) throw new Error("its first line names no version");
    return { version, text };
  } catch (error) {
    throw new NoAgentProgramError(FILE, (error as Error).message);
  }
}

/**
 * Has every director run the agent of this package or, where the cluster has turned from agents to SSH, none. Tables are
 * not touched by either: forwarding goes on while nobody watches it.
 *
 * @param before the mode until now
 * @throws RolloutError
 */
export async function settleAgents(
  seen: readonly Sight[],
  mode: Cluster["mode"],
  before?: Cluster["mode"],
): Promise<void> {
  if (mode === "ssh" && before !== "agent") return;
  const settleOne = (director: Director) =>
    mode === "agent" ? installAgent(director, agentProgram()) : removeAgent(director);
  const directors = seen.map(({ director }) => director);
  const { reached, causes, total } = await ask(directors, settleOne, () => false);
  const what = mode === "agent" ? `agent ${agentProgram().version} installed` : "agent removed";
  for (const [director, done] of reached) if (done) console.error(`director ${director.name}: ${what}`);
  if (causes.length > 0) throw new RolloutError(causes, total, "No table was changed on any director.");
}

/** Removes agents from directors on which nobody has anything registered any more. */
export async function dismissAgents(
  directors: readonly Director[],
  unreachable: Cluster["unreachable"],
): Promise<void> {
  const dismiss = async (director: Director) => {
    const { registry } = await director.read();
    if (isNobodys(registry)) await removeAgent(director);
  };
  const { causes, total } = await ask(directors, dismiss, skipping(unreachable));
  if (causes.length > 0)
    throw new RolloutError(causes, total, "The cluster is kept in the state; run the command again.");
}

/** Whether nobody has anything registered there. */
export function isNobodys({ owners }: Registry): boolean {
  return Object.keys(owners).length === 0;
}
