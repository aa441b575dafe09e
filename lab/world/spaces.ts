/** Namespaces of the world's nodes: make them, and act inside them for one synchronous stretch. */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { bind, CLONE, detach, setns, unshare } from "./kernel";

const NETNS = "/run/netns";

type Space = "net" | "mnt" | "uts" | "pid";
const KIND: { readonly [space in Space]: number } = {
  net: CLONE.net,
  mnt: CLONE.mount,
  uts: CLONE.uts,
  pid: CLONE.pid,
};

/** Open files of a set of namespaces, in the order in which they are entered. */
type Handles = readonly (readonly [kind: number, fd: number])[];

/** setns(2) to a mount namespace wants a file-system context that no other thread shares: called once, first of all. */
export function detachMainThread(): void {
  unshare(CLONE.fs);
  // Inside another file system there may be no /proc to open them by.
  for (const kind of Object.values(KIND)) homeHandle(kind);
}

/** The namespaces of one node. A server has only a network of its own; a director also mounts, processes and a name. */
export class NodeSpace {
  readonly #handles: Handles;
  readonly #home: Handles;

  private constructor(handles: Handles) {
    this.#handles = handles;
    this.#home = handles.map(([kind]) => [kind, homeHandle(kind)] as const);
  }

  /** A new, empty network namespace under the given name (as `ip netns add`). The thread stays where it was. */
  static network(name: string): NodeSpace {
    mkdirSync(NETNS, { recursive: true });
    const file = `${NETNS}/${name}`;
    writeFileSync(file, "");
    const home = homeHandle(CLONE.net);
    unshare(CLONE.net);
    try {
      bind("/proc/thread-self/ns/net", file);
    } finally {
      setns(home, CLONE.net);
    }
    return new NodeSpace([[CLONE.net, openSync(file, "r")]]);
  }

  /** Lets go of a network's name, for another one to take it. The network lives on as long as something is in it. */
  static forget(name: string): void {
    detach(`${NETNS}/${name}`);
    rmSync(`${NETNS}/${name}`);
  }

  /** A new mount namespace, after `act` has mounted in it what it wants. The thread stays where it was. */
  static mounts(act: () => void): NodeSpace {
    const home = homeHandle(CLONE.mount);
    unshare(CLONE.mount);
    try {
      const fd = openSync("/proc/thread-self/ns/mnt", "r");
      act();
      return new NodeSpace([[CLONE.mount, fd]]);
    } finally {
      goHome([[CLONE.mount, home]]);
    }
  }

  /** All namespaces of a running process. */
  static ofProcess(pid: number): NodeSpace {
    const spaces: Space[] = ["net", "uts", "pid", "mnt"];
    return new NodeSpace(
      spaces.map((space) => [KIND[space], openSync(`/proc/${pid}/ns/${space}`, "r")] as const),
    );
  }

  /**
   * Runs `act` with the main thread inside; children it spawns and sockets it opens belong to the node.
   * `act` must finish synchronously: the thread is taken home when it returns or throws.
   */
  within<T>(act: () => T extends PromiseLike<unknown> ? never : T): T {
    try {
      for (const [kind, fd] of this.#handles) setns(fd, kind);
      return act();
    } finally {
      goHome(this.#home);
    }
  }

  /** Closes the handles; the namespaces live on as long as a process or a mount holds them. */
  close(): void {
    for (const [, fd] of this.#handles) closeSync(fd);
  }
}

/**
 * Runs `act` in new mount, UTS and PID namespaces (and whatever network the thread is in), then takes the thread home.
 * The first child that `act` spawns is PID 1 of the new PID namespace and keeps all of them alive.
 */
export function withinNewSpaces<T>(act: () => T extends PromiseLike<unknown> ? never : T): T {
  const kinds = [CLONE.uts, CLONE.pid, CLONE.mount];
  const home = kinds.map((kind) => [kind, homeHandle(kind)] as const);
  try {
    unshare(CLONE.uts | CLONE.pid | CLONE.mount);
    return act();
  } finally {
    goHome(home);
  }
}

const homes = new Map<number, number>();

/** The thread's own namespace of a kind, opened once: it is only ever asked for while at home. */
function homeHandle(kind: number): number {
  const known = homes.get(kind);
  if (known !== undefined) return known;
  const space = (Object.keys(KIND) as Space[]).find((name) => KIND[name] === kind);
  const fd = openSync(`/proc/thread-self/ns/${space}`, "r");
  homes.set(kind, fd);
  return fd;
}

function goHome(handles: Handles): void {
  for (const [kind, fd] of handles) setns(fd, kind);
  process.chdir("/");
}
