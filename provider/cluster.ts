import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { removeVirtualServer } from "../director";
import { type Cluster, cluster, clusterProblems, parse } from "../spec";
import { RolloutError } from "./errors";
import { actorOf, type Fleet } from "./fleet";
import type { Checked, Properties, ResourceHandler } from "./handler";
import { changeEverywhere } from "./rollout";
import { isUnknown } from "./unknown";

/** Inputs of a Cluster, in normal form. */
interface Inputs extends Cluster {
  readonly name: string;
  readonly label: string;
}

const SETTINGS = ["mode", "connection", "directors", "label"] as const;

/** The handler of Cluster: proves that its directors can be used; what stands on them belongs to other resources. */
export function clusterHandler(fleet: Fleet): ResourceHandler {
  return {
    check,
    diff,
    async create(properties) {
      const inputs = properties as unknown as Inputs;
      const nodes = await probe(fleet, inputs);
      return { id: `${inputs.name}-${randomBytes(4).toString("hex")}`, outputs: outputsOf(inputs, nodes) };
    },
    async read(_id, properties) {
      const inputs = properties as unknown as Inputs;
      return { inputs: inputsOf(inputs), outputs: outputsOf(inputs, await probe(fleet, inputs)) };
    },
    async update(_id, _state, news) {
      const inputs = news as unknown as Inputs;
      return outputsOf(inputs, await probe(fleet, inputs));
    },
    async delete(id, properties) {
      await removeLeftovers(fleet, id, properties as unknown as Inputs);
    },
  };
}

function check({ name, label, ...properties }: Properties): Checked {
  const { value, problems } = parse(cluster, properties, isUnknown);
  const rules = clusterProblems(value, isUnknown);
  return { inputs: { name, label, ...value }, problems: [...problems, ...rules], warnings: [] };
}

function diff(state: Properties, inputs: Properties): { changes: boolean; replaces: string[] } {
  const changes = SETTINGS.some(
    (key) => !isDeepStrictEqual(comparable(key, state[key]), comparable(key, inputs[key])),
  );
  return { changes, replaces: [] };
}

/** The order of directors means nothing, and their list keeps the user's order because secrets are marked by place. */
function comparable(key: string, value: unknown): unknown {
  if (key !== "directors" || !Array.isArray(value)) return value;
  return [...value].sort((a, b) => (String(a?.name) < String(b?.name) ? -1 : 1));
}

/** Reaches every director and finds out what it is; all that cannot be used are named together. */
async function probe(
  fleet: Fleet,
  inputs: Inputs,
): Promise<Record<string, { kernel: string; ipvsadm: string }>> {
  const directors = fleet.of(inputs);
  const outcomes = await Promise.allSettled(directors.map((director) => director.read()));
  const causes = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  if (causes.length > 0)
    throw new RolloutError(causes, directors.length, "Nothing was changed on any director.");
  return Object.fromEntries(
    outcomes.flatMap((one, index) => {
      const name = directors[index]?.name;
      if (one.status === "rejected" || name === undefined) return [];
      return [[name, { kernel: one.value.kernel, ipvsadm: one.value.ipvsadm }]];
    }),
  );
}

/** Entries of this cluster whose resource never made it into the state: an `up` was killed while it made them. */
async function removeLeftovers(fleet: Fleet, id: string, inputs: Inputs): Promise<void> {
  const actor = actorOf({ ...inputs, id });
  const directors = fleet.of(inputs);
  const states = await Promise.all(directors.map((director) => director.read()));
  const leftovers = new Map<string, string>();
  for (const { registry } of states) {
    for (const [key, { resource }] of Object.entries(registry.owners[id]?.virtualServers ?? {})) {
      leftovers.set(key, resource);
    }
  }
  for (const [key, resource] of leftovers) {
    await changeEverywhere(directors, actor, removeVirtualServer(actor, key, resource));
  }
}

function inputsOf({ name, label, mode, connection, directors }: Inputs): Properties {
  return { name, label, mode, connection, directors };
}

function outputsOf(inputs: Inputs, nodes: Record<string, unknown>): Properties {
  return { ...inputsOf(inputs), nodes, schemaVersion: 1 };
}
