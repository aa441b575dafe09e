import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type Director, removeVirtualServer, stepWarnings } from "../director";
import {
  type Cluster,
  type ClusterCredentials,
  cluster,
  clusterProblems,
  clusterWarnings,
  joinCredentials,
  parse,
  splitCredentials,
} from "../spec";
import { agentConfig, agentProgram, agentsLeft, dismissAgents, mayHaveAgent } from "./agents";
import { RolloutError } from "./errors";
import { actorOf, departed, type Fleet } from "./fleet";
import type { Checked, Properties, ResourceHandler } from "./handler";
import { type Node, nodesOf, observeNodes } from "./nodes";
import { privateKeyWarnings } from "./private-keys";
import { ask, type Behind, skipping } from "./reach";
import { settleAll } from "./settle-all";
import { hasSettings, type Survey, survey, unsettle } from "./settlement";
import { isUnknown } from "./unknown";
import { warnOnce } from "./warn";

/** Inputs of a Cluster, in normal form; what opens doors is kept apart (see `splitCredentials`). */
interface Inputs extends Cluster {
  readonly name: string;
  readonly label: string;
  readonly credentials: ClusterCredentials;
  /** Version of the agent that its directors are to run; in the mode `agent` alone. */
  readonly agent?: string;
}

interface State extends Inputs {
  readonly nodes?: Readonly<Record<string, Node>>;
  readonly behind?: Behind;
  /** See {@link agentsLeft}. */
  readonly agentsLeft?: readonly string[];
}

/** All properties that are declared; the name is none whose change is one. */
const DECLARED = [
  "mode",
  "driftPolicy",
  "connection",
  "directors",
  "credentials",
  "etcd",
  "api",
  "label",
  "settings",
  "timeouts",
  "restoreAtBoot",
  "addresses",
  "install",
  "coexist",
  "rollout",
  "unreachable",
  "agent",
] as const;

/**
 * The handler of Cluster: proves that its directors can be used, and makes its settings hold on them. The entries that
 * stand on them belong to other resources.
 */
export function clusterHandler(fleet: Fleet): ResourceHandler {
  return {
    check,
    diff,
    async create(properties) {
      const inputs = properties as unknown as Inputs;
      const id = `${inputs.name}-${randomBytes(4).toString("hex")}`;
      const actor = { id, label: inputs.label };
      const surveyed = await survey(fleet.of(overSsh(inputs)), inputs, actor, mayHaveAgent(inputs));
      const outputs = outputsOf(inputs, nodesOf(surveyed, undefined), surveyed.behind);
      warnOf(surveyed);
      // Forgetting the cluster would leave what it has set without anybody who takes it back.
      await settleAll(surveyed.seen, actor, whole(inputs), outputs);
      return { id, outputs };
    },
    async read(id, properties) {
      const state = properties as unknown as State;
      const { nodes, drift, unreached, unshared } = await observeNodes(
        fleet.of(overSsh(state)),
        state,
        actorOf({ ...state, id }),
        ({ name }) =>
          state.agent === undefined
            ? undefined
            : { version: state.agent, config: agentConfig(id, whole(state), name) },
      );
      for (const reason of unreached) warn([`${reason} What the state says of it is kept.`]);
      warn(unshared.map((text) => `Cluster ${state.name}: ${text}`));
      const found = Object.keys(drift).length > 0 && { drift };
      return {
        // Among the inputs as well: a preview shows what of them changes, and so why there is an update.
        inputs: { ...inputsOf(state), ...found },
        outputs: { ...outputsOf(state, nodes, state.behind, state.agentsLeft), ...found },
      };
    },
    async update(id, properties, news) {
      const [state, inputs] = [properties as unknown as State, news as unknown as Inputs];
      const actor = { id, label: inputs.label };
      const mayHave = mayHaveAgent(inputs, state);
      const surveyed = await survey(fleet.of(overSsh(inputs)), inputs, actor, mayHave);
      warnOf(surveyed);
      // The state stays the one before, and is marked: even when the program goes back to it, the next `up` repairs.
      await settleAll(surveyed.seen, actor, whole(inputs), properties, state.mode);
      await letGo(fleet, id, state, inputs);
      const { behind } = surveyed;
      return outputsOf(inputs, nodesOf(surveyed, state.nodes), behind, agentsLeft(inputs, mayHave, behind));
    },
    async delete(id, properties) {
      const state = properties as unknown as State;
      await removeLeftovers(fleet, id, state);
      const directors = fleet.of(overSsh(state));
      if (state.mode === "agent") await dismissAgents(directors, state.unreachable);
      const behind = await unsettle(directors, actorOf({ ...state, id }), state.unreachable);
      warn(Object.values(behind).map((reason) => `what this cluster had there may still stand: ${reason}`));
    },
  };
}

function check({ name, label, credentials, agent: _, ...properties }: Properties): Checked {
  const given = properties as unknown as Cluster;
  const knows = Array.isArray(given.directors) && !isUnknown(credentials) && !isUnknown(given.connection);
  const joined = knows ? joinCredentials(given, credentials as ClusterCredentials | undefined) : given;
  const { value, problems } = parse(cluster, joined, isUnknown);
  const agent = (value as { mode?: unknown }).mode === "agent" ? { agent: agentProgram().version } : {};
  const lints =
    problems.length > 0 ? [] : [...clusterWarnings(value), ...(knows ? privateKeyWarnings(value) : [])];
  const warnings = lints.map((text) => `Cluster ${name}: ${text}.`);
  // Without the credentials the rules about logging in would only mislead.
  if (!knows) return { inputs: { name, label, ...value, credentials, ...agent }, problems, warnings };
  const rules = clusterProblems(value, isUnknown);
  const { open, credentials: normal } = splitCredentials(value);
  return {
    inputs: { name, label, ...open, credentials: normal, ...agent },
    problems: [...problems, ...rules],
    warnings,
  };
}

function diff(state: Properties, inputs: Properties): { changes: boolean; replaces: string[] } {
  const [before, after] = [byName(state), byName(inputs)];
  const changes =
    DECLARED.some((key) => !isDeepStrictEqual(before[key], after[key])) ||
    state.drift !== undefined ||
    state.behind !== undefined;
  return { changes, replaces: [] };
}

/** Each director with its own credentials, in an order that does not depend on how they were listed. */
function byName(properties: Properties): Properties {
  const { directors, credentials } = properties as unknown as Inputs;
  if (!Array.isArray(directors) || isUnknown(credentials)) return properties;
  const joined = joinCredentials(properties as unknown as Inputs, credentials);
  const sorted = [...joined.directors].sort((a, b) => (String(a?.name) < String(b?.name) ? -1 : 1));
  const { etcd, api } = joined;
  return { ...properties, directors: sorted, etcd, api, credentials: credentials?.connection };
}

/** Takes settings back on directors that have left, as far as they can still be reached. */
async function letGo(fleet: Fleet, id: string, state: State, inputs: Inputs): Promise<void> {
  if (!hasSettings(state)) return;
  const gone = departed({ ...overSsh(state), id }, { ...overSsh(inputs), id });
  await Promise.all(
    fleet.briefly(gone).map(async (director) => {
      await unsettle([director], actorOf({ ...state, id })).catch((error: Error) =>
        warn([`settings of this cluster may still hold on a director that left it. ${error.message}`]),
      );
    }),
  );
}

/** Entries of this cluster whose resource never made it into the state: an `up` was killed while it made them. */
async function removeLeftovers(fleet: Fleet, id: string, inputs: Inputs): Promise<void> {
  const actor = actorOf({ ...inputs, id });
  const directors = fleet.of(whole(inputs));
  const remove = async (director: Director) => {
    const { registry } = await director.read();
    const left = Object.entries(registry.owners[id]?.virtualServers ?? {});
    await Promise.all(left.map(([key, claim]) => director.change(removeVirtualServer(actor, key, claim))));
  };
  const { causes, total } = await ask(directors, remove, skipping(inputs.unreachable));
  if (causes.length > 0)
    throw new RolloutError(causes, total, "The cluster is kept in the state; run the command again.");
}

function whole(inputs: Inputs): Inputs {
  return joinCredentials(inputs, inputs.credentials);
}

/** What a cluster does on its directors besides their tables it does over SSH, also where an agent keeps these. */
function overSsh(inputs: Inputs): Inputs {
  return { ...whole(inputs), mode: "ssh" };
}

/** Directors that are not in step, and those that were left out. */
function warnOf({ seen, behind }: Survey): void {
  warn(stepWarnings(Object.fromEntries(seen.map((one) => [one.director.name, one.capabilities]))));
  for (const [director, reason] of Object.entries(behind)) {
    warnOnce(`left out: ${reason} The next \`up\` tries ${director} again.`);
  }
}

function warn(warnings: readonly string[]): void {
  for (const text of warnings) console.error(`warning: ${text}`);
}

function inputsOf(inputs: Inputs): Properties {
  const declared = DECLARED.filter((key) => inputs[key] !== undefined);
  return { name: inputs.name, ...Object.fromEntries(declared.map((key) => [key, inputs[key]])) };
}

function outputsOf(
  inputs: Inputs,
  nodes: Readonly<Record<string, unknown>>,
  behind: Behind | undefined,
  withAgents: readonly string[] = [],
): Properties {
  const left = behind !== undefined && Object.keys(behind).length > 0;
  return {
    ...inputsOf(inputs),
    nodes,
    ...(left && { behind }),
    ...(withAgents.length > 0 && { agentsLeft: withAgents }),
  };
}
