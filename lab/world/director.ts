/** A director: a root file system, process table and host name of its own, then sshd. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { DIRECTOR_SYSCTLS, directorBatch } from "../batches";
import type { DirectorNode } from "../topology";
import { TREES, type WorldConfig } from "./config";
import { ipBatch, iptables, setSysctls } from "./ip";
import { bind, bindReadOnly, mount, pivotInto, setHostName } from "./kernel";
import { NodeSpace, withinNewSpaces } from "./spaces";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What a command on a node finds in its environment. */
export const NODE_ENVIRONMENT = { PATH, HOME: "/root", LANG: "C.UTF-8" } as const;

/** A director that runs. */
export interface Director {
  readonly node: DirectorNode;
  /** All its namespaces. */
  readonly space: NodeSpace;
  /** Its PID 1, as this process sees it. */
  readonly init: ChildProcessByStdio<null, null, Readable>;
  /** Resolves when sshd listens; rejects with its words when the director ends before that. */
  readonly listening: Promise<void>;
}

/** Starts a director in its (existing, linked) network. Throws when any step fails; sshd may need a moment more. */
export function startDirector(node: DirectorNode, network: NodeSpace, config: WorldConfig): Director {
  const hostKey = config.hostKeys[node.index - 1];
  if (hostKey === undefined) throw new Error(`${node.name}: no host key in the configuration`);
  const init = network.within(() => {
    ipBatch(directorBatch(node));
    setSysctls(DIRECTOR_SYSCTLS);
    masquerade();
    return withinNewSpaces(() => {
      enterOwnRoot(node.name, hostKey, config.shared);
      return spawn("/bin/sh", [config.directorInit], {
        env: NODE_ENVIRONMENT,
        stdio: ["ignore", "ignore", "pipe"],
      });
    });
  });
  if (init.pid === undefined) throw new Error(`${node.name}: /bin/sh could not be started`);
  return { node, init, space: NodeSpace.ofProcess(init.pid), listening: sshdListens(node.name, init) };
}

/** Starts a director's sshd again after it was stopped; returns when it listens. */
export async function startSshd(director: Director): Promise<void> {
  const argv = ["-D", "-e", "-f", "/etc/ssh/sshd_config"];
  const sshd = director.space.within(() =>
    spawn("/usr/sbin/sshd", argv, { env: NODE_ENVIRONMENT, cwd: "/", stdio: ["ignore", "ignore", "pipe"] }),
  );
  await sshdListens(`sshd of ${director.node.name}`, sshd);
}

function sshdListens(name: string, init: Director["init"]): Promise<void> {
  return new Promise((resolve, reject) => {
    const words: string[] = [];
    createInterface({ input: init.stderr }).on("line", (line) => {
      if (line.startsWith("Server listening on")) resolve();
      else if (words.length < 20) words.push(line);
    });
    init.on("exit", () => reject(new Error(`${name} ended: ${words.join("; ")}`)));
  });
}

/** Source NAT for what IPVS forwards by nat: a server's answer then comes back through this very director. */
function masquerade(): void {
  iptables(() => "-t nat -A POSTROUTING -m ipvs --ipvs --vmethod masq -j MASQUERADE".split(" "));
}

/** In new mount, UTS and PID namespaces: the machine's files, a writable layer in memory, private /run and /tmp. */
function enterOwnRoot(name: string, hostKey: string, shared: readonly string[]): void {
  const base = TREES.mountPoint;
  mount("tmpfs", base, "mode=755");
  const root = join(base, "root");
  mkdirSync(root);
  overlay(root, "", [TREES.skeleton, TREES.host]);
  overlay(join(root, "usr"), "usr-", [`${TREES.layer}/usr`, `${TREES.host}/usr`]);
  mount("sysfs", join(root, "sys"));
  bind("/dev", join(root, "dev"));
  mount("tmpfs", join(root, "run"), "mode=755");
  mkdirSync(join(root, "run/sshd"));
  mount("tmpfs", join(root, "tmp"), "mode=1777");
  for (const path of shared) shareReadOnly(path, join(root, path));
  writeFileSync(join(root, "etc/hostname"), `${name}\n`);
  writeFileSync(join(root, "etc/hosts"), `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${name}\n`);
  writeFileSync(join(root, "etc/ssh/ssh_host_ed25519_key"), hostKey, { mode: 0o600 });
  setHostName(name);
  pivotInto(root);
}

/** Lays `lower` trees, the first on top, below a folder of this director's own. */
function overlay(target: string, prefix: string, lower: readonly string[]): void {
  const [upper, work] = [`${TREES.mountPoint}/${prefix}upper`, `${TREES.mountPoint}/${prefix}work`];
  mkdirSync(upper);
  mkdirSync(work);
  mount("overlay", target, `lowerdir=${lower.join(":")},upperdir=${upper},workdir=${work}`);
}

/** Private /tmp and /run hide what of ours lies below them (a clone in /tmp, say): put it back, for reading. */
function shareReadOnly(source: string, target: string): void {
  if (existsSync(target)) return;
  mkdirSync(statSync(source).isDirectory() ? target : dirname(target), { recursive: true });
  if (!existsSync(target)) writeFileSync(target, "");
  bindReadOnly(source, target);
}
