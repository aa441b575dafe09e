import type { LeaseObject } from "./objects";

/** How a Lease is held, in ms. */
export const LEASE = {
  /** A holder that has not renewed for so long has lost it. */
  durationMs: 15_000,
  /** A holder that could not renew for so long writes nothing any more: before the others may take over. */
  renewMs: 10_000,
  /** How often it is renewed, and looked at by those that wait. */
  retryMs: 2_000,
} as const;

/** A Lease as it was last seen, and since when it is as it is, by the clock of who saw it. */
export interface Observation {
  readonly lease: LeaseObject;
  /** By a monotonic clock, in ms. */
  readonly sinceMs: number;
}

/** What to do about a Lease. */
export type LeaseStep = "take" | "renew" | "wait";

/** Clocks of different machines are not compared: a Lease has run out when this process has seen it unchanged for so long. */
export function observe(before: Observation | undefined, lease: LeaseObject, nowMs: number): Observation {
  const isSame = before?.lease.metadata.resourceVersion === lease.metadata.resourceVersion;
  return { lease, sinceMs: isSame && before ? before.sinceMs : nowMs };
}

/** Whether it is ours, free, or somebody else's. */
export function leaseStep({ lease, sinceMs }: Observation, me: string, nowMs: number): LeaseStep {
  const holder = lease.spec?.holderIdentity ?? "";
  if (holder === me) return "renew";
  if (holder === "") return "take";
  const lasts = lease.spec?.leaseDurationSeconds ?? LEASE.durationMs / 1_000;
  return nowMs - sinceMs > lasts * 1_000 ? "take" : "wait";
}

/** The Lease as it is to be written: held by `me`, or by nobody. */
export function heldLease<L extends { readonly spec?: LeaseObject["spec"] }>(
  lease: L,
  me: string,
  at: Date,
  step: Exclude<LeaseStep, "wait"> | "release",
) {
  const time = at.toISOString().replace("Z", "000Z");
  const transitions = (lease.spec?.leaseTransitions ?? 0) + (step === "take" ? 1 : 0);
  return {
    ...lease,
    spec: {
      ...lease.spec,
      holderIdentity: step === "release" ? "" : me,
      leaseDurationSeconds: LEASE.durationMs / 1_000,
      leaseTransitions: transitions,
      renewTime: time,
      ...(step === "take" && { acquireTime: time }),
    },
  };
}
