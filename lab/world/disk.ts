/** What of a director outlives its reboots: the machine's files, and above them what the director has written. */
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TREES } from "./config";
import { bind, bindReadOnly, mount, pivotInto } from "./kernel";
import { NodeSpace } from "./spaces";

/** In a director: files and folders of ours, by number, that may have to be put back into a fresh /tmp or /run. */
const SHARED = "/.heye";

/** A director's disk: a mount namespace that nothing runs in. Each boot works in a copy of it, which ends with the boot. */
export class Disk {
  readonly #space: NodeSpace;
  readonly #shared: readonly string[];

  /** A disk that is there. `shared` lie in {@link SHARED}, by number. */
  constructor(space: NodeSpace, shared: readonly string[]) {
    this.#space = space;
    this.#shared = shared;
  }

  /** A new disk in memory. `shared` are paths of this machine that every director sees, for reading. */
  static make(name: string, hostKey: string, shared: readonly string[]): Disk {
    const space = NodeSpace.mounts(() => {
      mount("tmpfs", TREES.mountPoint, "mode=755");
      const root = join(TREES.mountPoint, "root");
      mkdirSync(root);
      overlay(root, "", [TREES.skeleton, TREES.host]);
      overlay(join(root, "usr"), "usr-", [`${TREES.layer}/usr`, `${TREES.host}/usr`]);
      bind("/dev", join(root, "dev"));
      mkdirSync(join(root, SHARED), { recursive: true });
      for (const [i, path] of shared.entries()) share(path, join(root, SHARED, String(i)));
      writeIdentity(root, name, hostKey);
      pivotInto(root);
    });
    return new Disk(space, shared);
  }

  /** Runs `act` with the disk as the root. It has neither /proc nor /sys, and nothing fresh in /run and /tmp. */
  within<T>(act: () => T extends PromiseLike<unknown> ? never : T): T {
    return this.#space.within(act);
  }

  /** Mounts what a boot makes anew; to be called in the boot's own copy of the disk, in its network. */
  mountVolatile(): void {
    mount("sysfs", "/sys");
    mount("tmpfs", "/run", "mode=755");
    mkdirSync("/run/sshd");
    mount("tmpfs", "/tmp", "mode=1777");
    for (const [i, path] of this.#shared.entries()) share(`${SHARED}/${i}`, path);
  }
}

/** Lays `lower` trees, the first on top, below a folder of this director's own. */
function overlay(target: string, prefix: string, lower: readonly string[]): void {
  const [upper, work] = [`${TREES.mountPoint}/${prefix}upper`, `${TREES.mountPoint}/${prefix}work`];
  mkdirSync(upper);
  mkdirSync(work);
  mount("overlay", target, `lowerdir=${lower.join(":")},upperdir=${upper},workdir=${work}`);
}

function share(source: string, target: string): void {
  const isFolder = statSync(source).isDirectory();
  mkdirSync(isFolder ? target : dirname(target), { recursive: true });
  if (!existsSync(target)) writeFileSync(target, "");
  bindReadOnly(source, target);
}

function writeIdentity(root: string, name: string, hostKey: string): void {
  const write = (path: string, text: string, mode?: number): void => {
    // The machine's own may be unreadable for us, and to write to it would be to copy it first.
    rmSync(join(root, path), { force: true });
    writeFileSync(join(root, path), text, { mode });
  };
  write("etc/hostname", `${name}\n`);
  write("etc/hosts", `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${name}\n`);
  write("etc/ssh/ssh_host_ed25519_key", hostKey, 0o600);
  // As a distribution's package would put it there: agents run on it.
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  rmSync(join(root, "usr/local/bin/node"), { force: true });
  symlinkSync(process.execPath, join(root, "usr/local/bin/node"));
}
