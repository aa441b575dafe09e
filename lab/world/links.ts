/** Faults of cables: down, slow, lossy. */
import { linkEnds, portsOf } from "../batches";
import { type Impairment, NETWORKS, type Network, netemWords } from "../impairment";
import type { DirectorNode, ServerNode } from "../topology";
import { networkOf, type World } from "./build";
import { ipBatch, tcBatch } from "./ip";

/** Connects a node, or cuts it off all its networks. */
export function setLinks(world: World, node: DirectorNode | ServerNode, state: "up" | "down"): void {
  const lines = portsOf(node).map((port) => `link set ${port} ${state}`);
  networkOf(world.networks, "switch").within(() => ipBatch(lines));
}

/**
 * Has a node know nobody on its networks, as one whose power comes back. Otherwise somebody whom it asked for in vain while it was
 * cut off is not asked for again before a second is over, and what it would send him waits for that.
 */
export function forgetNeighbours(world: World, node: DirectorNode | ServerNode): void {
  networkOf(world.networks, node.name).within(() => ipBatch(["neigh flush all"]));
}

/** Makes both ends of a node's link slow or lossy, as long as they are there. Nothing of the kind may be in place. */
export function impairLink(world: World, node: string, network: Network, how: Required<Impairment>): void {
  onBothEnds(world, node, network, (device) => `qdisc add dev ${device} root ${netemWords(how)}`);
}

/** Makes a link good again. It must have been impaired. */
export function restoreLink(world: World, node: string, network: Network): void {
  onBothEnds(world, node, network, (device) => `qdisc del dev ${device} root`);
}

/** Throws with words for the caller when the node is not on that network. */
export function assertOnNetwork(world: World, node: string, network: Network): void {
  if (linkEnds(world.topology, node, network)) return;
  const there = NETWORKS.filter((name) => linkEnds(world.topology, node, name));
  const known =
    there.length > 0 ? `${node} is on: ${there.join(", ")}` : `${node} is on none that can be impaired`;
  throw new Error(`network: ${node} is not on the network ${network}; ${known}`);
}

function onBothEnds(world: World, node: string, network: Network, line: (device: string) => string): void {
  for (const end of linkEnds(world.topology, node, network) ?? [])
    networkOf(world.networks, end.node).within(() => tcBatch([line(end.name)]));
}
