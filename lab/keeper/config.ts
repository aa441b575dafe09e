/** What the caller and the keeper of a lab tell each other. */

/** How the world is run: in a user-mode Linux guest, or in namespaces of this machine's own kernel. */
export type Mode = "guest" | "namespaces";

/**
 * How a guest is connected to the machine. `tap` is several times faster; `packets` (packet sockets on a cable) does
 * without /dev/net/tun.
 */
export type Cable = "tap" | "packets";

/** Written as JSON into the lab's folder before the keeper starts. */
export interface KeeperConfig {
  readonly mode: Mode;
  /** `ip` commands that raise the host's device. */
  readonly hostBatch: readonly string[];
  /** Of a guest; not used otherwise. */
  readonly cable: Cable;
  /** A detached lab goes on when its caller ends; any other is taken down then. */
  readonly keep: boolean;
  /** Remove the whole folder at the end: the lab's name was made up and nobody will ask for it again. */
  readonly forget: boolean;
  /** Folder of programs that the machine lacks. */
  readonly layer: string;
  /** PID 1 of the world. */
  readonly rootScript: string;
  /** The guest's memory, taken only as it is used. */
  readonly memoryMb: number;
  /** The one CPU the guest runs on: user-mode Linux is half as fast when it is moved about. */
  readonly cpu: number;
  /** A world that is not ready by then never will be. */
  readonly deadlineMs: number;
}

/** To the keeper, each with a listening socket: pass its connections on to this address of the management network. */
export interface ForwardMessage {
  readonly forward: { readonly host: string; readonly port: number };
}

/** From the keeper. */
export type KeeperMessage = { readonly ready: true } | { readonly failed: string };
