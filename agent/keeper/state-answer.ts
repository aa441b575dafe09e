import { AGENT_PROTOCOL, type Digests, type StateAnswer, type TableText } from "../../director/data";
import type { Pools } from "../pools";

/** What a director is besides its table. */
export interface Host {
  readonly kernel: string;
  readonly ipvsadm: string;
}

/** What the director is told to hold, at one moment. */
export interface Told {
  readonly table: readonly string[];
  readonly registry: string;
  readonly digests: Digests;
}

/** What is told of a table: as it is declared, not as health has made it. */
export function toldOf(pools: Pools, text: TableText): Told {
  const { table, digests } = pools.nominal(text);
  return { table: table.lines, digests, registry: pools.text };
}

/** The same as an answer; parts that the asker knows by their digests are left out. */
export function stateAnswer(host: Host, { digests, registry, table }: Told, known: Digests): StateAnswer {
  return {
    protocol: AGENT_PROTOCOL,
    ...host,
    digests,
    ...(digests.registry !== known.registry && { registry }),
    ...(digests.table !== known.table && { table }),
  };
}
