import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  AgentOwnsError,
  type AgentProgram,
  agentConfigText,
  configDigest,
  type Director,
  installAgent,
  isWatchedPool,
  type Registry,
  removeAgent,
  runningAgent,
} from "../director";
import type { Cluster } from "../spec";
import { RolloutError } from "./errors";
import { ask, type Behind, skipping } from "./reach";
import type { Sight } from "./settlement";
import { concernedByTelling, toldForOthersToo } from "./shared-agents";
import { wavesOf } from "./waves";

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

/** The agent that is to run on a director. */
export interface WantedAgent {
  readonly version: string;
  /** What it is to be told, as `agentConfig` says it. */
  readonly config: string;
}

/**
 * Tells by a director's name whether an agent may keep its table: in the mode `agent`, and where the cluster, now in the mode
 * `ssh`, has had agents and not removed this one yet. Any other belongs to another cluster.
 *
 * @param before the cluster until now; absent: it is new
 */
export function mayHaveAgent(
  { mode }: Pick<Cluster, "mode">,
  before?: Pick<Cluster, "mode"> & {
    readonly directors: readonly { readonly name: string }[];
    readonly agentsLeft?: readonly string[];
  },
): (director: string) => boolean {
  if (mode === "agent") return () => true;
  if (!before) return () => false;
  const had = new Set(before.mode === "agent" ? before.directors.map(({ name }) => name) : before.agentsLeft);
  return (name) => had.has(name);
}

/**
 * Directors that could not be reached when a cluster turned to the mode `ssh`, or since: an agent of its own may be there
 * still. Which these are has to be remembered: any other agent that turns up where a director was out of reach is another
 * cluster's.
 *
 * @param mayHave see {@link mayHaveAgent}
 * @param behind of the change that is being made
 */
export function agentsLeft(
  { mode }: Pick<Cluster, "mode">,
  mayHave: (director: string) => boolean,
  behind: Behind,
): string[] {
  return mode === "agent" ? [] : Object.keys(behind).filter(mayHave);
}

/** What a cluster says about its agents. */
type Wanted = Pick<Cluster, "mode" | "rollout" | "etcd" | "api">;

/**
 * What the agent of a director is told in its file.
 *
 * @param id of the cluster, which its keys are named after where nothing else is said
 * @param declared with its secrets
 */
export function agentConfig(
  id: string,
  { etcd, api }: Pick<Cluster, "etcd" | "api">,
  director: string,
): string {
  const prefix = etcd?.prefix ?? `/heye/${id.replace(/[^A-Za-z0-9._-]/g, "_")}`;
  return agentConfigText({ director, ...(etcd && { etcd: { ...etcd, prefix } }), ...(api && { api }) });
}

/**
 * Has every director run the agent of this package, told what the cluster says, or, in the mode `ssh`, none; wave by wave.
 * Tables are not touched by either: forwarding goes on while nobody watches it. When a cluster turns to agents and one
 * cannot be installed, those that were put where none was are removed again: the others would refuse what a cluster without
 * agents does.
 *
 * @param seen directors whose agents, where they have any, may be removed (see {@link mayHaveAgent})
 * @param id of the cluster
 * @param before the mode until now; undefined: the cluster is new
 * @throws RolloutError
 */
export async function settleAgents(
  seen: readonly Sight[],
  id: string,
  wanted: Wanted,
  before?: Cluster["mode"],
): Promise<void> {
  const { mode, rollout } = wanted;
  const concerned = mode === "agent" ? seen : seen.filter(({ capabilities }) => capabilities.hasAgent);
  // Another cluster's, with what it keeps.
  const had = new Set(seen.filter((one) => one.capabilities.hasAgent).map(({ director }) => director));
  const done = new Map<Director, string>();
  const install = async (director: Director) => {
    const config = agentConfig(id, wanted, director.name);
    const sight = seen.find((one) => one.director === director);
    const others = sight ? await concernedByTelling(sight, id, config) : [];
    const made = await installAgent(director, agentProgram(), config);
    // At once: where a later one fails, this one keeps what it was told.
    if (others.length > 0) console.error(`warning: ${toldForOthersToo(director.name, others)}`);
    return made && `agent ${agentProgram().version} ${made}`;
  };
  const remove = async (director: Director, wave: readonly Sight[]) =>
    (await dismiss(director, id, wave)) ? "agent removed" : undefined;
  for (const wave of wavesOf(concerned, rollout)) {
    const settleOne = (director: Director) => (mode === "agent" ? install(director) : remove(director, wave));
    const { reached, causes, total } = await ask(
      wave.map(({ director }) => director),
      settleOne,
      () => false,
    );
    for (const [director, what] of reached) if (what !== undefined) done.set(director, what);
    if (causes.length > 0) {
      const isNew = mode === "agent" && before !== "agent";
      throw await givenUp(causes, total, isNew ? [...done.keys()].filter((one) => !had.has(one)) : []);
    }
  }
  for (const [{ name }, what] of done) console.error(`director ${name}: ${what}`);
}

/** @param installed agents that nobody wants any more */
async function givenUp(
  causes: readonly Error[],
  total: number,
  installed: readonly Director[],
): Promise<RolloutError> {
  const removal = await ask(installed, removeAgent, () => false);
  const all = [...causes, ...removal.causes];
  return new RolloutError(all, total, "No table was changed on any director.", removal.causes.length > 0);
}

/** An agent that keeps another cluster's entries stays: that cluster has the mode `agent` too. */
async function dismiss(director: Director, id: string, seen: readonly Sight[]): Promise<boolean> {
  const registry = seen.find((one) => one.director === director)?.registry ?? { owners: {} };
  if (isWatchedByOthers(registry, id)) throw new AgentOwnsError(director.name);
  return removeAgent(director);
}

function isWatchedByOthers({ owners }: Registry, id: string): boolean {
  return Object.entries(owners).some(
    ([owner, { virtualServers }]) => owner !== id && Object.values(virtualServers).some(isWatchedPool),
  );
}

/**
 * What a refresh says of a director whose agent is not the one that its cluster wants; undefined: it is.
 *
 * @param wanted undefined: none is
 * @param hasAgent whether there is one at all
 */
export async function agentDrift(
  director: Director,
  wanted: WantedAgent | undefined,
  hasAgent: boolean,
): Promise<string | undefined> {
  if (wanted === undefined)
    return hasAgent ? "an agent keeps its table, and the cluster has the mode ssh" : undefined;
  const running = await runningAgent(director);
  if (running === undefined) return "its agent does not run";
  if (running.version !== wanted.version) return `its agent is ${running.version}, not ${wanted.version}`;
  const isTold = running.config === configDigest(wanted.config);
  return isTold ? undefined : "its agent was told something else (agent.json) than the cluster says";
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
