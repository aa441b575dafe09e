/** What the control server can be asked to do. */
import { optionalNumberAt, optionalTextAt, textAt, textsAt } from "./arguments";
import type { World } from "./build";
import type { Verb } from "./control";
import { execute, spaceOf } from "./exec";

/** All verbs of a world. */
export function verbsOf(world: World): Readonly<Record<string, Verb>> {
  return {
    status: () => ({ name: world.config.name, shape: world.config.shape }),
    exec: (body) => {
      const node = textAt(body, "node");
      const space = spaceOf(world, node);
      if (!space) throw unknownNode(world, node);
      const stdin = optionalTextAt(body, "stdin");
      const timeoutMs = optionalNumberAt(body, "timeoutMs");
      return execute(space, {
        node,
        argv: textsAt(body, "argv"),
        ...(stdin !== undefined && { stdin }),
        ...(timeoutMs !== undefined && { timeoutMs }),
      });
    },
    counts: () => Object.fromEntries([...world.servers].map(([name, server]) => [name, server.counts])),
    reset: () => {
      for (const server of world.servers.values()) server.reset();
    },
  };
}

function unknownNode(world: World, node: string): Error {
  const known = [...world.directors.keys(), ...world.servers.keys(), "client", "router", "switch"];
  return new Error(`node: expected one of ${known.join(", ")}, found ${JSON.stringify(node)}`);
}
