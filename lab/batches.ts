/**
 * The lines for `ip -batch` and the sysctls that turn empty namespaces into the lab: pure data.
 * One batch a namespace, since every process costs milliseconds in the guest.
 */
import type { Network } from "./impairment";
import { type DirectorNode, FIXED, type ServerNode, type Topology, VIRTUAL } from "./topology";

/** Sysctls below /proc/sys/net, in the order they are to be written. */
export type Sysctls = readonly (readonly [path: string, value: string])[];

/** Name of a network namespace, unique on the machine. */
export type NetnsName = (node: string) => string;

const BRIDGES = { m: "brm", f: "brf", b: "brb" } as const;
type Segment = keyof typeof BRIDGES;

/** The end of a node's link that lies in the switch. */
export function switchPort(segment: Segment, node: string): string {
  return `${segment}-${node}`;
}

/** The links that cut a node off the lab when they are set down. */
export function portsOf(node: DirectorNode | ServerNode): string[] {
  const segments: Segment[] = node.role === "director" ? ["m", "f", "b"] : ["b"];
  return segments.map((segment) => switchPort(segment, node.name));
}

/** A network device, by the node in whose network it is. */
export interface Device {
  readonly node: string;
  readonly name: string;
}

const SEGMENTS: { readonly [network in Exclude<Network, "client">]: Segment } = {
  management: "m",
  front: "f",
  back: "b",
};

/**
 * Both ends of a node's link to a network. undefined when the node is not on that network: directors are on
 * management, front and back, servers on back, the router on front and back, the client on client.
 */
export function linkEnds(t: Topology, node: string, network: Network): readonly [Device, Device] | undefined {
  if (network === "client")
    return node === "client"
      ? [
          { node, name: "eth0" },
          { node: "router", name: "ethc" },
        ]
      : undefined;
  const isDirector = t.directors.some((d) => d.name === node);
  const onBack = isDirector || node === "router" || t.servers.some((s) => s.name === node);
  const there = { management: isDirector, front: isDirector || node === "router", back: onBack };
  if (!there[network]) return undefined;
  const segment = SEGMENTS[network];
  return [
    { node, name: `eth${segment}` },
    { node: "switch", name: switchPort(segment, node) },
  ];
}

/**
 * A node's cable to a bridge of the switch. `mac` stays the same when the node is rebooted, or its neighbours would send
 * to the old one for some time.
 */
function link(segment: Segment, node: string, netns: NetnsName, mac?: string): string[] {
  const address = mac === undefined ? "" : `address ${mac} `;
  return [
    `link add ${switchPort(segment, node)} type veth peer name eth${segment} ${address}netns ${netns(node)}`,
    `link set ${switchPort(segment, node)} master ${BRIDGES[segment]} up`,
  ];
}

const DIRECTOR_SEGMENTS = ["m", "f", "b"] as const;

/** The three cables of a director; run in the switch. */
export function directorLinks(d: DirectorNode, netns: NetnsName): string[] {
  return DIRECTOR_SEGMENTS.flatMap((segment) => link(segment, d.name, netns, directorMac(d, segment)));
}

function directorMac({ index }: DirectorNode, segment: (typeof DIRECTOR_SEGMENTS)[number]): string {
  const last = index.toString(16).padStart(2, "0");
  return `02:00:00:00:0${DIRECTOR_SEGMENTS.indexOf(segment)}:${last}`;
}

const HOST_MAC = "02:00:00:00:0f:01";

/**
 * The host's end of the management network. Host and directors know each other for good: who logs in to all of 254 at the
 * same time would ask for each of them in a broadcast to all, again and again while the answers are late.
 */
export function hostBatch(device: string, directors: readonly DirectorNode[]): string[] {
  return [
    "link set lo up",
    `link set ${device} address ${HOST_MAC}`,
    `addr add ${FIXED.host}/16 dev ${device}`,
    `link set ${device} up`,
    ...directors.map(
      (d) => `neigh add ${d.management} lladdr ${directorMac(d, "m")} dev ${device} nud permanent`,
    ),
  ];
}

/** Takes the cables of a director away; run in the switch. */
export function withoutDirectorLinks(d: DirectorNode): string[] {
  return portsOf(d).map((port) => `link del ${port}`);
}

/** The device that leads to the host, moved into the switch before. */
export interface Uplink {
  readonly device: string;
  /** It hears what it has sent itself. The bridge must not learn from it then: every address would seem to be there. */
  readonly echoes: boolean;
}

/** In hundredths of a second. What a bridge has forgotten goes to every port. */
const A_DAY = 24 * 3600 * 100;

/** Bridges and every link; run in the switch. */
export function switchBatch(t: Topology, netns: NetnsName, uplink: Uplink): string[] {
  return [
    "link set lo up",
    ...Object.values(BRIDGES).flatMap((bridge) => [
      `link add ${bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0 ageing_time ${A_DAY}`,
      `link set ${bridge} up`,
    ]),
    ...t.directors.flatMap((d) => directorLinks(d, netns)),
    ...t.servers.flatMap((s) => link("b", s.name, netns)),
    ...link("f", "router", netns),
    ...link("b", "router", netns),
    ...link("m", "control", netns),
    `link set ${uplink.device} master ${BRIDGES.m} up`,
    ...(uplink.echoes ? [`link set ${uplink.device} type bridge_slave learning off`] : []),
  ];
}

/** The control network namespace: only an address on the management network. */
export function controlBatch(): string[] {
  return ["link set lo up", `addr add ${FIXED.control}/16 dev ethm`, "link set ethm up"];
}

/** Router: addresses, the client's link, one nexthop a director. */
export function routerBatch(t: Topology, netns: NetnsName): string[] {
  return [
    "link set lo up",
    `link add ethc type veth peer name eth0 netns ${netns("client")}`,
    ...dual("ethc", `${FIXED.routerClient}/24`, `${FIXED.routerClient6}/64`),
    ...dual("ethf", `${FIXED.routerFront}/16`, `${FIXED.routerFront6}/64`),
    ...dual("ethb", `${FIXED.routerBack}/16`, `${FIXED.routerBack6}/64`),
    ...t.directors.flatMap((d) => [
      `nexthop add id ${nexthop4(d)} via ${d.front} dev ethf`,
      `nexthop add id ${nexthop6(d)} via ${d.front6} dev ethf`,
    ]),
  ];
}

const GROUP4 = 1000;
const GROUP6 = 2000;
const nexthop4 = (d: DirectorNode): number => d.index;
const nexthop6 = (d: DirectorNode): number => 500 + d.index;

/** How the router spreads the virtual addresses: nexthop groups, and the routes that use them. */
export interface Announcement {
  readonly groups: readonly { readonly id: number; readonly members: readonly number[] }[];
  readonly routes: readonly string[];
}

/**
 * The router spreads the virtual addresses over these directors and no others. Without any director the addresses are
 * unreachable: a group cannot be empty.
 */
export function announcement(directors: readonly DirectorNode[]): Announcement {
  if (directors.length === 0)
    return {
      groups: [],
      routes: Object.values(VIRTUAL).map((prefix) => `route replace unreachable ${prefix}`),
    };
  return {
    groups: [
      { id: GROUP4, members: directors.map(nexthop4) },
      { id: GROUP6, members: directors.map(nexthop6) },
    ],
    routes: [`route replace ${VIRTUAL.v4} nhid ${GROUP4}`, `route replace ${VIRTUAL.v6} nhid ${GROUP6}`],
  };
}

/** Forwarding, and ECMP by addresses and ports, so that the flows of one client spread too. */
export const ROUTER_SYSCTLS: Sysctls = [
  ["ipv4/ip_forward", "1"],
  ["ipv6/conf/all/forwarding", "1"],
  ["ipv4/fib_multipath_hash_policy", "1"],
  ["ipv6/fib_multipath_hash_policy", "1"],
  ["ipv4/conf/all/rp_filter", "0"],
  // Replies of dr and tun come in from the back network with virtual source addresses, whose route is the front.
  ["ipv4/conf/ethb/rp_filter", "0"],
];

/** The client: one address, everything through the router. */
export function clientBatch(): string[] {
  return [
    "link set lo up",
    ...dual("eth0", `${FIXED.client}/24`, `${FIXED.client6}/64`),
    `route add default via ${FIXED.routerClient}`,
    `route add default via ${FIXED.routerClient6}`,
  ];
}

/** Many short connections from one address: more source ports, and those of finished connections again after a second. */
export const CLIENT_SYSCTLS: Sysctls = [
  ["ipv4/ip_local_port_range", "1024 64999"],
  ["ipv4/tcp_tw_reuse", "1"],
];

/** A director: three links, the client's network through the router, the virtual prefixes local. */
export function directorBatch(d: DirectorNode): string[] {
  return [
    "link set lo up",
    `addr add ${d.management}/16 dev ethm`,
    "link set ethm up",
    `neigh add ${FIXED.host} lladdr ${HOST_MAC} dev ethm nud permanent`,
    ...dual("ethf", `${d.front}/16`, `${d.front6}/64`),
    ...dual("ethb", `${d.back}/16`, `${d.back6}/64`),
    "link set tunl0 up",
    `route add ${FIXED.client.replace(/\d+$/, "0")}/24 via ${FIXED.routerFront}`,
    `route add fd30::/64 via ${FIXED.routerFront6}`,
    ...localPrefixes(),
  ];
}

/** `vs/conntrack` and the masquerade rules together make nat work over several directors: answers return through the same one. */
export const DIRECTOR_SYSCTLS: Sysctls = [
  ["ipv4/ip_forward", "1"],
  ["ipv6/conf/all/forwarding", "1"],
  ["ipv4/conf/all/send_redirects", "0"],
  ["ipv4/conf/all/rp_filter", "0"],
  ["ipv4/vs/conntrack", "1"],
];

/** A real server: answers for the virtual prefixes on lo (dr), unpacks IPIP (tun), replies through the router. */
export function serverBatch(s: ServerNode): string[] {
  return [
    "link set lo up",
    ...dual("ethb", `${s.address}/16`, `${s.address6}/64`),
    "link set tunl0 up",
    "link set ip6tnl0 up",
    `route add default via ${FIXED.routerBack}`,
    `route add default via ${FIXED.routerBack6}`,
    ...localPrefixes(),
  ];
}

/** dr: no ARP for the virtual addresses; tun: packets come out of tunl0 from addresses that route elsewhere. */
export const SERVER_SYSCTLS: Sysctls = [
  ["ipv4/conf/all/arp_ignore", "1"],
  ["ipv4/conf/all/arp_announce", "2"],
  ["ipv4/conf/all/rp_filter", "0"],
  ["ipv4/conf/tunl0/rp_filter", "0"],
];

function localPrefixes(): string[] {
  return [`route add local ${VIRTUAL.v4} dev lo`, `route add local ${VIRTUAL.v6} dev lo`];
}

function dual(device: string, v4: string, v6: string): string[] {
  // nodad: duplicate address detection would hold the address back for a second.
  return [`addr add ${v4} dev ${device}`, `addr add ${v6} dev ${device} nodad`, `link set ${device} up`];
}
