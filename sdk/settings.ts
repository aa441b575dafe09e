import type * as pulumi from "@pulumi/pulumi";

/**
 * Kernel settings of every director. What is left out is left as it is there. A setting that is taken out again, or
 * whose cluster is destroyed, goes back to what it was before, unless somebody else has changed it since.
 */
export interface SettingsArgs {
  /** Kernel modules to load, for example `ip_vs_mh`. They stay loaded. */
  modules?: pulumi.Input<pulumi.Input<string>[]>;
  /** Forward packets, in both address families. nat needs it. */
  ipForward?: pulumi.Input<boolean>;
  /** Drop connections of servers that were removed at once, instead of swallowing their packets. */
  expireNodestConn?: pulumi.Input<boolean>;
  /** Persistent clients leave a server of weight 0. */
  expireQuiescentTemplate?: pulumi.Input<boolean>;
  /** Take over TCP connections that began on another director. */
  sloppyTcp?: pulumi.Input<boolean>;
  /** Take over SCTP associations that began on another director. */
  sloppySctp?: pulumi.Input<boolean>;
  /**
   * Connection tracking for what IPVS forwards: needed where nat passes through source NAT as well.
   * Elsewhere it only costs: the first packet of a client's port that is used again within two minutes is dropped.
   */
  conntrack?: pulumi.Input<boolean>;
  /** Forward ICMP errors of connections that this director does not know. */
  scheduleIcmp?: pulumi.Input<boolean>;
  /** What a client's reused port means: 0 the same server as before, 1 (the kernel's default) or 2 may choose anew. */
  connReuseMode?: pulumi.Input<0 | 1 | 2>;
  /** Any other sysctl below `net.`, by its whole name, with its value as text. */
  sysctls?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** After how many idle seconds IPVS forgets a connection, 1 to 2147483. What is left out is left as it is. */
export interface TimeoutsArgs {
  /** TCP. The kernel's default is 900. */
  tcpS?: pulumi.Input<number>;
  /** TCP after a FIN. The kernel's default is 120. */
  tcpFinS?: pulumi.Input<number>;
  /** UDP. The kernel's default is 300. */
  udpS?: pulumi.Input<number>;
}

/** In which waves a change goes over the directors. */
export interface RolloutArgs {
  /** Directors of the first wave. Default 0: none goes before the others. */
  canary?: pulumi.Input<number>;
  /** Directors of each further wave. Default: all that are left. */
  waveSize?: pulumi.Input<number>;
  /** Milliseconds between waves. Default 0. */
  pauseMs?: pulumi.Input<number>;
  /** Directors that may fail without ending the change. Default 0. */
  maxFailures?: pulumi.Input<number>;
}
