import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { removeVirtualServer } from "../director";
import {
  type Cluster,
  type ClusterCredentials,
  cluster,
  clusterProblems,
  joinCredentials,
  parse,
  splitCredentials,
} from "../spec";
import { RolloutError } from "./errors";
import { actorOf, type Fleet } from "./fleet";
import type { Checked, Properties, ResourceHandler } from "./handler";
import { isUnknown } from "./unknown";

/** Inputs of a Cluster, in normal form; what opens doors is kept apart (see `splitCredentials`). */
interface Inputs extends Cluster {
  readonly name: string;
  readonly label: string;
  readonly credentials: ClusterCredentials;
}

const SETTINGS = ["mode", "connection", "directors", "credentials", "label"] as const;

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

function check({ name, label, credentials, ...properties }: Properties): Checked {
  const given = properties as unknown as Cluster;
  const knows = Array.isArray(given.directors) && !isUnknown(credentials) && !isUnknown(given.connection);
  const whole = knows ? joinCredentials(given, credentials as ClusterCredentials | undefined) : given;
  const { value, problems } = parse(cluster, whole, isUnknown);
  // Without the credentials the rules about logging in would only mislead.
  if (!knows) return { inputs: { name, label, ...value, credentials }, problems, warnings: [] };
  const rules = clusterProblems(value, isUnknown);
  const { open, credentials: normal } = splitCredentials(value);
  return {
    inputs: { name, label, ...open, credentials: normal },
    problems: [...problems, ...rules],
    warnings: [],
  };
}

function diff(state: Properties, inputs: Properties): { changes: boolean; replaces: string[] } {
  const [before, after] = [byName(state), byName(inputs)];
  const changes = SETTINGS.some((key) => !isDeepStrictEqual(before[key], after[key]));
  return { changes, replaces: [] };
}

/** Each director with its own credentials, in an order that does not depend on how they were listed. */
function byName(properties: Properties): Properties {
  const { directors, credentials } = properties as unknown as Inputs;
  if (!Array.isArray(directors) || isUnknown(credentials)) return properties;
  const whole = joinCredentials(properties as unknown as Inputs, credentials);
  const sorted = [...whole.directors].sort((a, b) => (String(a?.name) < String(b?.name) ? -1 : 1));
  return { ...properties, directors: sorted, credentials: credentials?.connection };
}

/** Reaches every director and finds out what it is; all that cannot be used are named together. */
async function probe(
  fleet: Fleet,
  inputs: Inputs,
): Promise<Record<string, { kernel: string; ipvsadm: string }>> {
  const directors = fleet.of(joinCredentials(inputs, inputs.credentials));
  const outcomes = await Promise.allSettled(directors.map((director) => director.read()));
  const causes = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  if (causes.length > 0)
    throw new RolloutError(causes, directors.length, "Nothing was changed on any director.");
  return Object.fromEntries(
    outcomes.flatMap((one, index) => {
      const director = directors[index];
      if (one.status === "rejected" || !director) return [];
      return [[director.name, { kernel: one.value.kernel, ipvsadm: director.ipvsadm }]];
    }),
  );
}

/** Entries of this cluster whose resource never made it into the state: an `up` was killed while it made them. */
async function removeLeftovers(fleet: Fleet, id: string, inputs: Inputs): Promise<void> {
  const actor = actorOf({ ...inputs, id });
  const directors = fleet.of(joinCredentials(inputs, inputs.credentials));
  const outcomes = await Promise.allSettled(
    directors.map(async (director) => {
      const { registry } = await director.read();
      const left = Object.entries(registry.owners[id]?.virtualServers ?? {});
      await Promise.all(left.map(([key, claim]) => director.change(removeVirtualServer(actor, key, claim))));
    }),
  );
  const causes = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  if (causes.length > 0)
    throw new RolloutError(
      causes,
      directors.length,
      "The cluster is kept in the state; run the command again.",
    );
}

function inputsOf({ name, label, mode, connection, directors, credentials }: Inputs): Properties {
  return { name, label, mode, connection, directors, credentials };
}

function outputsOf(inputs: Inputs, nodes: Record<string, unknown>): Properties {
  return { ...inputsOf(inputs), nodes };
}
