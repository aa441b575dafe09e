/** What the control server can be asked to do. */
import { choiceAt, numberAt, optionalNumberAt, optionalTextAt, textAt, textsAt } from "./arguments";
import { networkOf, type World } from "./build";
import type { DatabaseState } from "./config";
import type { Verb } from "./control";
import { execute, spaceOf } from "./exec";
import type { ActiveFault } from "./fault-list";
import { faultVerbs } from "./fault-verbs";
import { Faults } from "./faults";
import { PROTOCOLS, Traffic, type TrafficPlan } from "./traffic";

/** Answer to `status`. */
export interface WorldStatus {
  readonly name: string;
  /** The directors the router sends to. */
  readonly announced: readonly string[];
  /** What is broken, in the order in which it was. */
  readonly faults: readonly ActiveFault[];
  readonly database: DatabaseState;
}

/** All verbs of a world. */
export function verbsOf(world: World): Readonly<Record<string, Verb>> {
  const faults = new Faults(world);
  const traffic = new Traffic(networkOf(world.networks, "client"));
  return {
    status: (): WorldStatus => ({
      name: world.config.name,
      announced: faults.announced,
      faults: faults.active,
      database: world.database?.state ?? { state: "none" },
    }),
    // An answer has to be an object: undefined when there is no database.
    "await-database": () => world.database?.settled(),
    exec: (body) => exec(world, body),
    counts: () => Object.fromEntries([...world.servers].map(([name, server]) => [name, server.counts])),
    reset: () => {
      for (const server of world.servers.values()) server.reset();
    },
    ...faultVerbs(faults),
    "traffic-start": (body) => ({ id: traffic.start(planOf(body)) }),
    "traffic-progress": (body) => traffic.progress(numberAt(body, "id")),
    "traffic-wait": (body) => traffic.wait(numberAt(body, "id")),
    "traffic-stop": (body) => traffic.stop(numberAt(body, "id")),
  };
}

function exec(world: World, body: Parameters<Verb>[0]): unknown {
  const node = textAt(body, "node");
  const space = spaceOf(world, node);
  if (!space) {
    const known = [...world.directors.keys(), ...world.servers.keys(), "client", "router", "switch"];
    throw new Error(`node: expected one of ${known.join(", ")}, found ${JSON.stringify(node)}`);
  }
  const stdin = optionalTextAt(body, "stdin");
  const timeoutMs = optionalNumberAt(body, "timeoutMs");
  return execute(space, {
    node,
    argv: textsAt(body, "argv"),
    ...(stdin !== undefined && { stdin }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
}

function planOf(body: Parameters<Verb>[0]): TrafficPlan {
  const requests = optionalNumberAt(body, "requests");
  const ratePerS = optionalNumberAt(body, "ratePerS");
  return {
    protocol: choiceAt(body, "protocol", PROTOCOLS),
    path: textAt(body, "path"),
    host: textAt(body, "host"),
    port: numberAt(body, "port"),
    concurrency: numberAt(body, "concurrency"),
    connectTimeoutMs: numberAt(body, "connectTimeoutMs"),
    answerTimeoutMs: numberAt(body, "answerTimeoutMs"),
    ...(requests !== undefined && { requests }),
    ...(ratePerS !== undefined && { ratePerS }),
  };
}
