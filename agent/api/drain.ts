import type { Member } from "../../director/data";
import { realServerId } from "./ids";
import type { Found } from "./resources";
import type { Api } from "./route";

/** Whether and why a server drains. What an operator asked of this director alone counts too, and is said apart. */
export function drainOf({ keeper }: Api, found: Found, member: Member) {
  const id = realServerId(member);
  const here = keeper.view.pools.drains.all.filter(
    ({ service, server }) => service === found.key && server.replace(/:([0-9]+)$/, "-$1") === id,
  );
  const change = here.find(({ by }) => by === "change");
  return {
    drained: member.drained === true,
    leaving: member.draining === true,
    byOperator: here.some(({ by }) => by === "operator"),
    ...(member.draining && member.drainMs !== undefined && { drainMs: member.drainMs }),
    ...(change && { elapsedMs: change.elapsedMs }),
  };
}
