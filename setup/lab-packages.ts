import { packageLayer } from "./packages";

/** What the lab runs that a bare Debian lacks. mariadb-client-core has my_print_defaults, which mariadb-install-db calls. */
export const LAB_PACKAGES: readonly string[] = [
  "user-mode-linux",
  "kmod",
  "iproute2",
  "ipvsadm",
  "openssh-server",
  "iptables",
  "ethtool",
  "mariadb-server-core",
  "mariadb-client-core",
];

/**
 * The folder with the programs of the lab, to be laid over `/`: `usr/bin/linux.uml`, `usr/lib/uml/modules`,
 * `usr/sbin/ipvsadm`, `usr/sbin/sshd`, `usr/sbin/mariadbd` and what they need. A program that is installed on
 * this machine is not in it. See {@link packageLayer} for what the layer does not contain, and for errors.
 */
export async function labLayer(): Promise<string> {
  const { layer } = await packageLayer("the lab's programs", LAB_PACKAGES);
  return layer;
}
