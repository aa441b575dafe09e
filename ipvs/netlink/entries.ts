/** A service as the kernel has it; see struct ip_vs_service_user of linux/ip_vs.h. */
export interface ServiceEntry {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP; 0 with a firewall mark. */
  readonly protocol: number;
  /** Empty with a firewall mark. */
  readonly address: string;
  readonly port: number;
  /** 0: none. */
  readonly mark: number;
  readonly scheduler: string;
  /** {@link SERVICE_FLAGS}, and others of the kernel's own. */
  readonly flags: number;
  /** Of persistence, in seconds. */
  readonly timeoutS: number;
  /** Of persistence: a mask as it stands in packets, first byte lowest; for IPv6 the length of a prefix. */
  readonly netmask: number;
  /** Of persistence; empty: none. */
  readonly engine: string;
}

/** Bits of {@link ServiceEntry.flags} (IP_VS_SVC_F_). */
export const SERVICE_FLAGS = {
  persistent: 0x1,
  onePacket: 0x4,
  /** What they mean is the scheduler's affair. */
  scheduler: [0x8, 0x10, 0x20],
} as const;

/** IPPROTO_ of the protocols that IPVS knows. */
export const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

/** Forwarding methods (IP_VS_CONN_F_). */
export const METHODS = { nat: 0, tun: 2, dr: 3 } as const;
export const METHOD_MASK = 0x7;

/** Kinds of tunnels by their numbers (IP_VS_CONN_F_TUNNEL_TYPE_). */
export const TUNNEL_TYPES: readonly string[] = ["ipip", "gue", "gre"];

/** Flags of tunnels (IP_VS_TUNNEL_ENCAP_FLAG_). */
export const TUNNEL_FLAGS = { none: 0, normal: 1, remote: 2 } as const;

/** A destination as the kernel has it; see struct ip_vs_dest_user of linux/ip_vs.h. */
export interface DestinationEntry {
  /** Of its address: a tunnel may be of another family than its service. */
  readonly family: number;
  readonly address: string;
  readonly port: number;
  /** {@link METHODS}, and others of the kernel's own. */
  readonly method: number;
  /** Signed: who gives the kernel more than 2^31 - 1 gets that back. */
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
  /** Of {@link TUNNEL_TYPES}; 0 where the kernel knows one alone. */
  readonly tunnelType: number;
  readonly tunnelPort: number;
  readonly tunnelFlags: number;
}

/** The connections that the kernel knows of a destination, see `DestinationTraffic`. */
export interface ConnectionCounts {
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
}
