import { readFileSync } from "node:fs";
import {
  Cluster,
  type ClusterArgs,
  RealServer,
  type RealServerArgs,
  VirtualServer,
  type VirtualServerArgs,
} from "../../../sdk";

/** What the program declares, by the names of its resources. */
export interface Declared {
  readonly cluster: ClusterArgs;
  readonly virtualServers: Readonly<Record<string, Omit<VirtualServerArgs, "cluster">>>;
  /** Each with the name of its virtual server. */
  readonly realServers?: Readonly<
    Record<string, { readonly in: string } & Omit<RealServerArgs, "virtualServer">>
  >;
}

/** A program that declares what stands in the file `declared.json` of its folder. */
function main(): void {
  const {
    cluster: given,
    virtualServers,
    realServers = {},
  } = JSON.parse(readFileSync("declared.json", "utf8")) as Declared;
  const cluster = new Cluster("edge", given);
  const made = new Map<string, VirtualServer>();
  for (const [name, args] of Object.entries(virtualServers))
    made.set(name, new VirtualServer(name, { ...args, cluster } as VirtualServerArgs));
  for (const [name, { in: outer, ...args }] of Object.entries(realServers)) {
    const virtualServer = made.get(outer);
    if (!virtualServer) throw new Error(`${name}: there is no virtual server ${outer}`);
    new RealServer(name, { ...args, virtualServer } as RealServerArgs);
  }
}

main();
