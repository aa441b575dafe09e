import { word } from "./fields";

/**
 * The schedulers of the Linux kernel, by the names ipvsadm uses (net/netfilter/ipvs/ip_vs_*.c, Linux 6.12).
 * `twos` came with Linux 5.15, `mh` with 4.18; a director whose kernel lacks one says so when it is asked for it.
 */
export const SCHEDULERS = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
  "twos",
] as const;

/** How a director chooses the real server of a new connection. */
export type Scheduler = (typeof SCHEDULERS)[number];

/** Schema of {@link Scheduler}. */
export const scheduler = word(SCHEDULERS).describe(
  "how a director chooses the real server of a new connection",
);
