/** Reboots a director. */
import { directorLinks, withoutDirectorLinks } from "../batches";
import { netnsOf, networkOf, type World } from "./build";
import { type Director, powerOff, startDirector } from "./director";
import { ipBatch } from "./ip";
import { NodeSpace } from "./spaces";

/**
 * Ends everything on a director at once, gives it a new network (so that tables, connections, sysctls and addresses are
 * those of a fresh kernel) and boots it from its disk. Returns when it is there; its sshd may need a moment more.
 */
export async function reboot(world: World, director: Director): Promise<Director> {
  const { node, disk } = director;
  const name = netnsOf(world.config)(node.name);
  const old = networkOf(world.networks, node.name);
  const inSwitch = (lines: readonly string[]): void =>
    networkOf(world.networks, "switch").within(() => ipBatch(lines));
  inSwitch(withoutDirectorLinks(node));
  await powerOff(director);
  NodeSpace.forget(name);
  const network = NodeSpace.network(name);
  world.networks.set(node.name, network);
  inSwitch(directorLinks(node, netnsOf(world.config)));
  const next = startDirector(node, network, disk, world.config);
  world.directors.set(node.name, next);
  // Only now: as long as they were to be found, somebody might have entered what took their numbers.
  director.space.close();
  old.close();
  return next;
}
