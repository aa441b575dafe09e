/** What the host tells the world at its birth, and what the two say to each other afterwards. */
import type { Uplink } from "../batches";
import type { Shape } from "../topology";

/** Written by the host as JSON before the world starts; holds private keys, so it is readable by root only. */
export interface WorldConfig {
  readonly name: string;
  readonly shape: Shape;
  /** The device in the world's first network that leads to the host. */
  readonly uplink: Uplink;
  /** Every control request has to carry it. */
  readonly token: string;
  /** One line for authorized_keys. */
  readonly authorizedKey: string;
  /** OpenSSH private host keys, d1 first. */
  readonly hostKeys: readonly string[];
  /** Files and folders that every director sees: our own and the Node that runs us. */
  readonly shared: readonly string[];
  /** PID 1 of a director, a shell script within `shared`. */
  readonly directorInit: string;
  /** Folder of what the machine lacks of systemd, where that runs the directors. */
  readonly systemd: string | undefined;
  readonly database: DatabaseConfig | undefined;
}

/** How the world runs its MariaDB. */
export interface DatabaseConfig {
  /** An initialised data folder; copied, never written. */
  readonly seed: string;
  readonly arguments: readonly string[];
}

/**
 * The world prints these at the start of a line: in namespaces, that it waits for its uplink; that it can be reached;
 * that it gives up (a reason follows). root.sh says the first and the last.
 */
export const SIGNAL = { root: "HEYE-LAB-ROOT", ready: "HEYE-LAB-READY", failed: "HEYE-LAB-FAILED" } as const;

/** State of the database: it starts behind the rest of the world. */
export type DatabaseState =
  | { readonly state: "none" | "starting" | "ready" }
  | { readonly state: "failed"; readonly reason: string };

/** Where root.sh keeps the file trees that directors' roots are made of, in the world's root. */
export const TREES = {
  skeleton: "/.heye/skeleton",
  layer: "/.heye/layer",
  host: "/.heye/host",
  mountPoint: "/.heye/root",
} as const;
