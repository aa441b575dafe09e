import { PackagesUnavailable } from "./errors";
import { packageLayer } from "./packages";
import { say } from "./report";

/** The kernel that runs as a program, for machines whose own kernel has no IPVS. Not every distribution has it. */
const GUEST_PACKAGE = "user-mode-linux";

/** What the lab runs that a bare Debian lacks. procps has sysctl, mariadb-client-core has my_print_defaults, which mariadb-install-db calls. */
export const LAB_PACKAGES: readonly string[] = [
  GUEST_PACKAGE,
  "kmod",
  "iproute2",
  "ipvsadm",
  "openssh-server",
  "openssh-client",
  "iptables",
  "ethtool",
  "procps",
  "strace",
  "mariadb-server-core",
  "mariadb-client-core",
];

/**
 * The folder with the programs of the lab, to be laid over `/`: `usr/bin/linux.uml`, `usr/lib/uml/modules`,
 * `usr/sbin/ipvsadm`, `usr/sbin/sshd`, `usr/sbin/mariadbd` and what they need. A program that is installed on
 * this machine is not in it. See {@link packageLayer} for what the layer does not contain, and for errors.
 */
export async function labLayer(): Promise<string> {
  try {
    return (await packageLayer(TITLE, LAB_PACKAGES)).layer;
  } catch (error) {
    if (!(error instanceof PackagesUnavailable) || !isGuestMissing(error.explanation.found)) throw error;
    say(`this distribution has no ${GUEST_PACKAGE}: the lab needs a kernel with IPVS here`);
    const others = LAB_PACKAGES.filter((name) => name !== GUEST_PACKAGE);
    return (await packageLayer(TITLE, others)).layer;
  }
}

const TITLE = "the lab's programs";

/**
 * The folder with keepalived, a peer of the benchmarks, beside {@link labLayer} and not in it: nobody else waits for it.
 * Where it is installed on this machine it is not in the folder.
 */
export async function keepalivedLayer(): Promise<string> {
  return (await packageLayer("keepalived, a peer of the benchmarks,", ["keepalived"])).layer;
}

/** The folder with ipset, which kube-proxy runs in IPVS mode, beside {@link labLayer} as keepalived is. */
export async function ipsetLayer(): Promise<string> {
  return (await packageLayer("ipset, which kube-proxy runs,", ["ipset"])).layer;
}

/**
 * The folder with systemd and its bus, which run directors of a lab that wants them, beside {@link labLayer} as keepalived is.
 * Nothing of it is ever started on this machine.
 */
export async function systemdLayer(): Promise<string> {
  return (await packageLayer("systemd, which runs directors of a lab,", ["systemd", "dbus"])).layer;
}

/** Whether apt's words mean that it knows no package with the guest's kernel; nothing else may be missing. */
export function isGuestMissing(found: string): boolean {
  const errors = found.split("\n").filter((line) => line.trim().startsWith("E: "));
  const named = new RegExp(`(Unable to locate package|Package '?)\\s*${GUEST_PACKAGE}\\b`);
  return errors.length > 0 && errors.every((line) => named.test(line));
}
