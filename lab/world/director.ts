/** A director: a disk, a process table and a host name of its own in its network, then sshd. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { DIRECTOR_SYSCTLS, directorBatch } from "../batches";
import type { DirectorNode } from "../topology";
import type { WorldConfig } from "./config";
import { Disk } from "./disk";
import { NODE_ENVIRONMENT } from "./environment";
import { ipBatch, iptables, setSysctls } from "./ip";
import { setHostName } from "./kernel";
import { type RuleTables, readRules, writeRules } from "./netfilter";
import { NodeSpace, withinNewSpaces } from "./spaces";
import { sshdListens, sshIsThere } from "./sshd";
import { SYSTEMD_INIT, systemdDisk } from "./systemd-root";

/** A director that runs. */
export interface Director {
  readonly node: DirectorNode;
  readonly disk: Disk;
  /** All its namespaces. */
  readonly space: NodeSpace;
  /** Its PID 1, as this process sees it. */
  readonly init: ChildProcessByStdio<null, null, Readable>;
  /** Resolves when sshd listens; rejects with its words when the director ends before that. */
  readonly listening: Promise<void>;
}

/** A director's disk, with its host key. Throws when the configuration has none. */
export function diskOf(node: DirectorNode, config: WorldConfig): Disk {
  const hostKey = config.hostKeys[node.index - 1];
  if (hostKey === undefined) throw new Error(`${node.name}: no host key in the configuration`);
  if (config.systemd !== undefined) return systemdDisk(node.name, hostKey, config.systemd, config);
  return Disk.make(node.name, hostKey, config.shared);
}

/** Boots a director in its (existing, linked) network. Throws when any step fails; sshd may need a moment more. */
export function startDirector(
  node: DirectorNode,
  network: NodeSpace,
  disk: Disk,
  config: WorldConfig,
): Director {
  network.within(() => {
    ipBatch(directorBatch(node));
    setSysctls(DIRECTOR_SYSCTLS);
    masquerade();
  });
  const boot = (): Director["init"] => {
    disk.mountVolatile();
    setHostName(node.name);
    const init = config.systemd === undefined ? [config.directorInit] : [SYSTEMD_INIT, node.name];
    return spawn("/bin/sh", init, {
      env: NODE_ENVIRONMENT,
      stdio: ["ignore", "ignore", "pipe"],
    });
  };
  const init = network.within(() => disk.within(() => withinNewSpaces(boot)));
  if (init.pid === undefined) throw new Error(`${node.name}: /bin/sh could not be started`);
  const space = NodeSpace.ofProcess(init.pid);
  const listening =
    config.systemd === undefined ? sshdListens(node.name, init) : sshIsThere({ node, space }, init);
  return { node, disk, init, space, listening };
}

/** Ends everything that runs on a director, as a loss of power does, and waits for it. Its disk stays. */
export async function powerOff(director: Director): Promise<void> {
  const { init } = director;
  if (init.exitCode !== null || init.signalCode !== null) return;
  const ended = once(init, "exit");
  init.kill("SIGKILL");
  await ended;
}

let rules: RuleTables | undefined;

/**
 * Source NAT for what IPVS forwards by nat: a server's answer then comes back through this very director. Written by
 * iptables for the first director, and copied for all others.
 */
function masquerade(): void {
  if (rules) writeRules("nat", rules);
  else {
    iptables(() => "-t nat -A POSTROUTING -m ipvs --ipvs --vmethod masq -j MASQUERADE".split(" "));
    rules = readRules("nat");
  }
}
