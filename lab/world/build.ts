/** Builds the world: namespaces, links, routes, servers, directors. Everything from this one process. */
import {
  CLIENT_SYSCTLS,
  clientBatch,
  controlBatch,
  type NetnsName,
  ROUTER_SYSCTLS,
  routerBatch,
  SERVER_SYSCTLS,
  serverBatch,
  switchBatch,
} from "../batches";
import { nodeNames, type ServerNode, type Topology, topology, VIRTUAL } from "../topology";
import { TREES, type WorldConfig } from "./config";
import { Database } from "./database";
import { type Director, diskOf, startDirector } from "./director";
import { ipBatch, iptables, setSysctls } from "./ip";
import { announce } from "./nexthops";
import { writeSkeleton } from "./skeleton";
import { detachMainThread, NodeSpace } from "./spaces";
import { RealServer } from "./web";

/** The running world. */
export interface World {
  readonly config: WorldConfig;
  readonly topology: Topology;
  /** The network of every node, and of `control`. */
  readonly networks: Map<string, NodeSpace>;
  /** A reboot replaces a director, and its network. */
  readonly directors: Map<string, Director>;
  readonly servers: ReadonlyMap<string, RealServer>;
  readonly database: Database | undefined;
}

/** Tells how far the building is. */
export type Progress = (step: string) => void;

/** Builds everything but the database. Throws at the first thing that fails; there is no half a world. */
export function buildWorld(config: WorldConfig, progress: Progress): World {
  detachMainThread();
  const t = topology(config.shape);
  const netns = netnsOf(config);
  const networks = new Map(
    [...nodeNames(t), "control"].map((node) => [node, NodeSpace.network(netns(node))]),
  );
  progress(`${networks.size} networks`);
  linkNetworks(t, config, networks, netns);
  progress("links and routes");
  const servers = new Map(
    t.servers.map((node) => [node.name, new RealServer(node, networkOf(networks, node.name))]),
  );
  for (const server of servers.values()) startServer(server);
  progress(`${servers.size} servers`);
  writeSkeleton(TREES.skeleton, config.authorizedKey);
  const directors = new Map(
    t.directors.map((node) => [
      node.name,
      startDirector(node, networkOf(networks, node.name), diskOf(node, config), config),
    ]),
  );
  progress(`${directors.size} directors`);
  const database = config.database && new Database(networkOf(networks, "db1"), config.database);
  return { config, topology: t, networks, directors, servers, database };
}

function linkNetworks(
  t: Topology,
  config: WorldConfig,
  networks: ReadonlyMap<string, NodeSpace>,
  netns: NetnsName,
): void {
  const inside = (node: string, act: () => void): void => networkOf(networks, node).within(act);
  ipBatch([`link set ${config.uplink.device} netns ${netns("switch")}`]);
  inside("switch", () => ipBatch(switchBatch(t, netns, config.uplink)));
  inside("control", () => ipBatch(controlBatch()));
  inside("router", () => {
    ipBatch(routerBatch(t, netns));
    announce(t.directors);
    setSysctls(ROUTER_SYSCTLS);
  });
  inside("client", () => {
    ipBatch(clientBatch());
    setSysctls(CLIENT_SYSCTLS);
  });
}

function startServer(server: RealServer): void {
  server.space.within(() => {
    ipBatch(serverBatch(server.node));
    setSysctls(SERVER_SYSCTLS);
    if (server.node.ports.udp) answerDatagrams(server.node);
  });
  for (const service of server.services) server.start(service);
}

/**
 * dr and tun bring datagrams for a virtual address. A UDP socket of Node answers from the server's own address, which
 * the client would not take; translated on the way in, the answer is translated back on the way out.
 */
function answerDatagrams(node: ServerNode): void {
  iptables((family) => {
    const own = family === "v4" ? node.address : node.address6;
    return [
      "-t",
      "nat",
      "-A",
      "PREROUTING",
      "-p",
      "udp",
      "-d",
      VIRTUAL[family],
      "-j",
      "DNAT",
      "--to-destination",
      own,
    ];
  });
}

/** How the networks of this world are called. */
export function netnsOf(config: WorldConfig): NetnsName {
  return (node) => `${config.name}-${node}`;
}

/** The network of a node. Throws when there is no such node: a mistake in this folder, not of a caller. */
export function networkOf(networks: ReadonlyMap<string, NodeSpace>, node: string): NodeSpace {
  const space = networks.get(node);
  if (!space) throw new Error(`no network of the name ${node}`);
  return space;
}
