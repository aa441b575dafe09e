/** Where things are: in the project, and in the folder of one lab. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The package's root: the nearest folder above this file with a package.json. */
export const PACKAGE_ROOT = packageRoot(__dirname);

/** Folder of all labs of this clone; ignored by git. */
export const LABS = join(PACKAGE_ROOT, ".heye", "labs");

/** The files of one lab. */
export interface LabPaths {
  readonly dir: string;
  /** What the users of the lab need; there only while it is up. Holds a private key. */
  readonly inventory: string;
  /** Ports and keys, so that they stay the same from one `up` to the next. */
  readonly memory: string;
  readonly privateKey: string;
  readonly knownHosts: string;
  /** Processes that must not outlive the lab. */
  readonly processes: string;
  /** Held while a process brings this lab up or down. */
  readonly lock: string;
  readonly keeper: string;
  readonly world: string;
  readonly boot: string;
  readonly root: string;
  readonly uml: string;
  readonly control: string;
  readonly log: string;
}

/** The paths of the lab of this name. */
export function labPaths(name: string): LabPaths {
  return labPathsIn(join(LABS, name));
}

/** The paths of the lab in this folder. */
export function labPathsIn(dir: string): LabPaths {
  return {
    dir,
    inventory: join(dir, "inventory.json"),
    memory: join(dir, "memory.json"),
    privateKey: join(dir, "id_ed25519"),
    knownHosts: join(dir, "known_hosts"),
    processes: join(dir, "processes.json"),
    lock: join(dir, "lock.json"),
    keeper: join(dir, "keeper.json"),
    world: join(dir, "world.json"),
    boot: join(dir, "boot"),
    root: join(dir, "root"),
    uml: join(dir, "uml"),
    control: join(dir, "control.sock"),
    log: join(dir, "world.log"),
  };
}

function packageRoot(from: string): string {
  if (existsSync(join(from, "package.json"))) return from;
  const above = dirname(from);
  if (above === from) throw new Error("No package.json above the lab's files: the installation is damaged.");
  return packageRoot(above);
}
