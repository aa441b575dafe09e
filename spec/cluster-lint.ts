/** Combinations that are allowed, and known to lose connections: pure functions from what was declared to warnings. */
import { isRecord } from "./record";
import { goesByOrder } from "./scheduler";
import type { Settings } from "./settings";

/** What the lint needs of a cluster; any part may be missing or not known yet. */
export interface LintedCluster {
  readonly directors?: readonly unknown[] | undefined;
  readonly settings?: Settings | undefined;
  readonly mode?: unknown;
  readonly driftPolicy?: unknown;
}

/** What the lint needs of a virtual server; any part may be missing or not known yet. */
export interface LintedServer {
  readonly protocol?: string | undefined;
  readonly scheduler?: string | undefined;
  readonly persistence?: unknown;
  readonly realServers?: readonly LintedMember[] | undefined;
}

/** What the lint needs of a member of a pool, or of a RealServer. */
export interface LintedMember {
  readonly forwarding?: string | undefined;
}

/** As many next hops as switches commonly spread a route over; many stop at less. */
const ECMP_WIDTH = 64;

/** What should be known about a cluster by itself. */
export function clusterWarnings(cluster: LintedCluster): string[] {
  const directors = count(cluster);
  const settings: Settings = isRecord(cluster.settings) ? cluster.settings : {};
  const warnings: string[] = [];
  if (directors > ECMP_WIDTH) {
    warnings.push(
      `${directors} directors are more than the ${ECMP_WIDTH} next hops that many switches spread a route over (some stop at 16): those beyond get no packets. Check the switch's ECMP width`,
    );
  }
  if (cluster.driftPolicy !== undefined && cluster.mode === "ssh")
    warnings.push(
      "driftPolicy: nothing acts on it in the mode ssh: a refresh finds drift, and `up` takes it back",
    );
  if (settings.connReuseMode === 0) {
    warnings.push(
      "connReuseMode 0 sends a client that uses a port again to the server it had before, even to one that is draining (weight 0): with busy clients a drain never ends. Use 1, or 2 with dr",
    );
  }
  if (settings.ipForward === false) {
    warnings.push(
      "ipForward false stops nat: answers of servers and packets to them pass through the directors",
    );
  }
  return warnings;
}

/**
 * What should be known about a virtual server on this cluster.
 *
 * @param server the virtual server, with its pool where it lists it
 */
export function placedWarnings(cluster: LintedCluster, server: LintedServer): string[] {
  const directors = count(cluster);
  const settings: Settings = isRecord(cluster.settings) ? cluster.settings : {};
  const members = Array.isArray(server.realServers) ? server.realServers.filter(isRecord) : [];
  return [
    ...(server.protocol === "udp" && isOff(settings.expireNodestConn) ? [UDP_PINNED] : []),
    ...(directors > 1 ? moveWarnings(settings, server) : []),
    ...(directors > 1 && isRecord(server.persistence) ? [PERSISTENCE_APART] : []),
    ...(isRecord(server.persistence) && isOff(settings.expireQuiescentTemplate) ? [PERSISTENCE_PINNED] : []),
    ...members.flatMap((member) => placedMemberWarnings(cluster, member)),
  ].filter((text, index, all) => all.indexOf(text) === index);
}

/** What should be known about one server of a pool on this cluster. */
export function placedMemberWarnings(cluster: LintedCluster, { forwarding }: LintedMember): string[] {
  const settings: Settings = isRecord(cluster.settings) ? cluster.settings : {};
  if (forwarding === "nat")
    return count(cluster) > 1 && isOff(settings.conntrack) ? [NAT_WITHOUT_CONNTRACK] : [];
  const isTracked = settings.conntrack === true && settings.connReuseMode !== 0;
  return isTracked && (forwarding === "dr" || forwarding === "tun") ? [trackedWithoutNat(forwarding)] : [];
}

function moveWarnings(settings: Settings, { protocol, scheduler }: LintedServer): string[] {
  // Other schedulers choose anew on another director in any case.
  if (!goesByOrder(scheduler)) return [];
  const missing = [
    ...(protocol === "tcp" && isOff(settings.sloppyTcp) ? ["sloppyTcp"] : []),
    ...(protocol === "sctp" && isOff(settings.sloppySctp) ? ["sloppySctp"] : []),
  ];
  const refused = missing.map(
    (name) =>
      `settings.${name} is not set: a connection that the switch moves to another director is refused there, although ${scheduler} would choose the same server. When a director leaves, its share of the connections is lost`,
  );
  return isOff(settings.scheduleIcmp) ? [...refused, ICMP_LOST] : refused;
}

const UDP_PINNED =
  "settings.expireNodestConn is not set: udp clients that keep sending stay with a server that was removed, and their packets are dropped, until they pause for the udp timeout (300 s)";
const ICMP_LOST =
  "settings.scheduleIcmp is not set: the switch may send ICMP `fragmentation needed` to another director than the connection's, which drops it; transfers through smaller MTUs then hang";
const PERSISTENCE_APART =
  "each director remembers persistent clients for itself: a client that the switch spreads over several directors, or moves, meets other servers. Use mh without persistence, or a switch that hashes by source address alone";
/** The kernel's word for it is in ip_vs_check_template (net/netfilter/ipvs/ip_vs_conn.c). */
const PERSISTENCE_PINNED =
  "settings.expireQuiescentTemplate is not set: persistent clients open new connections to a server at weight 0 as long as they come back, so a drain does not end, and cuts them off when its time is over";
const NAT_WITHOUT_CONNTRACK =
  "settings.conntrack is not set: with nat on several directors answers must come back through the same director, which takes source NAT there, which takes conntrack";

/** Only the sender's next try gets through: the kernel drops the first packet along with the old tracked connection. */
function trackedWithoutNat(forwarding: string): string {
  return `settings.conntrack is set: with it IPVS drops the first packet of a client that uses a port again within two minutes, which delays that connection by a second, by ${forwarding} as by nat. Leave it out where no nat needs it`;
}

/** Said to be off, or not said at all; what is not known yet is neither. */
function isOff(setting: boolean | undefined): boolean {
  return setting === undefined || setting === false;
}

function count({ directors }: LintedCluster): number {
  return Array.isArray(directors) ? directors.length : 0;
}
