import { type Family, familyOf } from "./address";
import { checkedRole, type RealServerRole, RealServerRoleError } from "./real-server-role";
import type { Tunnel } from "./tunnel";

export { type RealServerRole, RealServerRoleError } from "./real-server-role";

/** What a Linux host needs to be a real server, in the order in which it has to be done. Commands are words, not shell. */
export interface RealServerSetup {
  readonly modules: readonly string[];
  /** To be set before an address is there: from then on its neighbours would hear of it. */
  readonly sysctls: readonly Sysctl[];
  readonly commands: readonly Command[];
  /** To be set after the commands: they are those of devices. */
  readonly deviceSysctls: readonly Sysctl[];
  /** What cannot be done by a command that is right everywhere; sentences. */
  readonly advice: readonly string[];
}

/** A kernel setting and its value. */
export type Sysctl = readonly [name: string, value: string];

/** What makes something, and what takes it away again. */
export interface Command {
  readonly make: readonly string[];
  readonly undo: readonly string[];
  /** It fails when the thing is there already, so it has to be taken away first. */
  readonly once?: true;
}

/**
 * What a real server needs for its forwarding method.
 *
 * @throws RealServerRoleError when there is no such tunnel, or when the server's own address is needed and missing
 */
export function realServerSetup(declared: RealServerRole): RealServerSetup {
  const role = checkedRole(declared);
  const families = (["ipv4", "ipv6"] as const).filter((family) =>
    role.addresses.some((address) => familyOf(address) === family),
  );
  if (role.forwarding === "nat") return { ...NOTHING, advice: NAT_ADVICE };
  const tunnels = role.forwarding === "tun" ? families.map((family) => tunnelSetup(role, family)) : [];
  const deviceOf = (family: Family) =>
    role.forwarding === "tun" && family === "ipv4" ? tunnelDevice(role, family) : "lo";
  return {
    modules: [...new Set(tunnels.flatMap(({ modules }) => modules))],
    sysctls: families.includes("ipv4") ? ARP : [],
    commands: [
      ...tunnels.flatMap(({ commands }) => commands),
      ...role.addresses.map((one) => onDevice(one, deviceOf(familyOf(one)))),
    ],
    deviceSysctls: tunnels.flatMap(({ deviceSysctls }) => deviceSysctls),
    advice: tunnels.flatMap(({ advice }) => advice),
  };
}

const NOTHING = { modules: [], sysctls: [], commands: [], deviceSysctls: [] } as const;

const NAT_ADVICE = [
  "nat: nothing to set up, but answers must come back through the director that sent the request:",
  "make that director the server's gateway, or have the directors masquerade what IPVS forwards",
  "(iptables -t nat -A POSTROUTING -m ipvs --ipvs --vmethod masq -j MASQUERADE, and net.ipv4.vs.conntrack=1 there).",
];

/**
 * All hosts of the link would hear of an IPv4 address on lo: by answers to ARP requests for it, and by requests that name
 * it as the sender. An IPv6 address on lo is announced to nobody.
 */
const ARP: readonly Sysctl[] = [
  ["net.ipv4.conf.all.arp_ignore", "1"],
  ["net.ipv4.conf.all.arp_announce", "2"],
];

/**
 * IPv4's reverse path filter drops what comes out of a device without an address, unless it is off altogether
 * (net.ipv4.conf.all counts too). So with `tun` the virtual address itself lies on the device.
 */
function onDevice(address: string, device: string): Command {
  const isIPv4 = familyOf(address) === "ipv4";
  const place = [`${address}/${isIPv4 ? 32 : 128}`, "dev", device];
  return {
    // Deprecated from the start: the server's own connections must not begin with the virtual address.
    make: ["ip", "address", "replace", ...place, ...(isIPv4 ? [] : ["preferred_lft", "0"])],
    undo: ["ip", "address", "del", ...place],
  };
}

/** Devices that unwrap whatever no other tunnel claims; they come with their modules. */
const FALLBACK = {
  ipip: { ipv4: ["ipip", "tunl0"], ipv6: ["ip6_tunnel", "ip6tnl0"] },
  gre: { ipv4: ["ip_gre", "gre0"], ipv6: ["ip6_gre", "ip6gre0"] },
} as const;

const CHECKED_GRE = "heye-gre";

function isCheckedGre({ tunnel }: RealServerRole): boolean {
  return tunnel?.type === "gre" && tunnel.checksum !== "none";
}

/** The device out of which unwrapped packets come. */
function tunnelDevice(role: RealServerRole, family: Family): string {
  if (isCheckedGre(role)) return `${CHECKED_GRE}${family === "ipv6" ? "6" : ""}`;
  return FALLBACK[role.tunnel?.type === "gre" ? "gre" : "ipip"][family][1];
}

function tunnelSetup(role: RealServerRole, family: Family): RealServerSetup {
  const { type = "ipip", port, checksum = "none" } = role.tunnel ?? {};
  // What comes out of gue is an IPIP packet, as if it had come without it.
  const [module] = FALLBACK[type === "gre" ? "gre" : "ipip"][family];
  const device = tunnelDevice(role, family);
  const up: Command = {
    make: ["ip", "link", "set", device, "up"],
    undo: ["ip", "link", "set", device, "down"],
  };
  const before = [
    ...(type === "gue" ? [listener(family, port ?? 0)] : []),
    ...(isCheckedGre(role) ? [checkedGre(role, family, device)] : []),
  ];
  return {
    modules: [module, ...(type === "gue" ? ["fou", ...(family === "ipv6" ? ["fou6"] : [])] : [])],
    sysctls: [],
    commands: [...before, up],
    // Packets come out of it from anywhere. 2 (loose) wins over a 1 in net.ipv4.conf.all.rp_filter.
    deviceSysctls: family === "ipv4" ? [[`net.ipv4.conf.${device}.rp_filter`, "2"]] : [],
    advice: mtuAdvice(overhead(type, checksum, family), family),
  };
}

function listener(family: Family, port: number): Command {
  const ip = family === "ipv6" ? ["ip", "-6"] : ["ip"];
  return {
    make: [...ip, "fou", "add", "port", String(port), "gue"],
    undo: [...ip, "fou", "del", "port", String(port)],
    once: true,
  };
}

/** gre0 drops packets with a checksum: one has to be made that expects it. */
function checkedGre({ server }: RealServerRole, family: Family, device: string): Command {
  if (server === undefined || familyOf(server) !== family) {
    throw new RealServerRoleError(
      `expected the server's own ${family} address for gre with a checksum, found ${server ?? "nothing"}`,
    );
  }
  const kind = family === "ipv6" ? "ip6gre" : "gre";
  return {
    make: ["ip", "link", "add", device, "type", kind, "local", server, "icsum"],
    undo: ["ip", "link", "del", device],
    once: true,
  };
}

/** Bytes by which a packet grows on its way to the server. */
export function overhead(type: Tunnel["type"], checksum: Tunnel["checksum"], family: Family): number {
  const outer = family === "ipv4" ? 20 : 40;
  if (type === "ipip") return outer;
  if (type === "gre") return outer + (checksum === "none" ? 4 : 8);
  return outer + 8 + (checksum === "remote" ? 12 : 4);
}

function mtuAdvice(bytes: number, family: Family): string[] {
  const mss = 1500 - bytes - (family === "ipv4" ? 40 : 60);
  const route = family === "ipv4" ? "ip route" : "ip -6 route";
  return [
    `${family}: requests grow by ${bytes} bytes on their way. Raise the MTU between directors and servers by as much,`,
    `or announce a smaller segment size in the server's answers (for an MTU of 1500), on the route to its clients:`,
    `  ${route} change default via GATEWAY dev DEVICE advmss ${mss}`,
  ];
}
