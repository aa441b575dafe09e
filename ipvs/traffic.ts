/** What has been carried since an entry was added or its counters were zeroed. Exact up to 2^53. */
export interface Traffic {
  /** Connections that the scheduler has given away. */
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What a destination of a service carries. */
export interface DestinationTraffic extends Traffic {
  /** `10.0.0.1:80` */
  readonly destination: string;
  readonly weight: number;
  /** Established connections. A udp flow is never counted here. */
  readonly active: number;
  /** All others that the kernel still remembers: half open, closing, and every udp flow. */
  readonly inactive: number;
  /** Clients that persistence keeps there. */
  readonly persistent: number;
}

/**
 * What a service and its destinations carry. Kernels sum these counters up every two seconds: who waits for a number
 * asks again. A destination that is added again within two minutes brings its old counters along (the kernel's
 * destination trash, net/netfilter/ipvs/ip_vs_ctl.c).
 */
export interface ServiceTraffic extends Traffic {
  /** The service's identity, see `serviceKey`. */
  readonly service: string;
  readonly destinations: readonly DestinationTraffic[];
}
