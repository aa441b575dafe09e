import { CONTROLLER_LABELS, MEMBER_LEASES } from "../../spec/kubernetes";
import { heldLease, LEASE, leaseStep, type Observation, observe } from "../lease";
import type { LeaseObject } from "../objects";
import type { View } from "./division";

/** Annotation of a replica's Lease: slots of the replicas among which it divides, with commas between them. */
const VIEW = "heye.io/members";

/** Of a time in which nobody looked, so much counts against a Lease that is as it was, in ms. */
const GAP_MS = 3 * LEASE.retryMs;

/** The Leases of slots as they were last seen, by slot. */
export type Slots = ReadonlyMap<number, Observation>;

/**
 * What is known of the slots after they have been read once more. Of a time in which one could not read, most is forgiven all
 * of them: when the API server was away, nobody could renew, and nobody is to lose its share for that. The rest counts, so that
 * a Lease which nobody renews runs out however slow the server is.
 *
 * @param lookedMs when they were read before
 */
export function look(
  before: Slots,
  leases: readonly LeaseObject[],
  lookedMs: number,
  nowMs: number,
): Map<number, Observation> {
  const forgivenMs = Math.max(0, nowMs - lookedMs - GAP_MS);
  const seen = new Map<number, Observation>();
  for (const lease of leases) {
    const slot = MEMBER_LEASES.indexOf(lease.metadata.name) + 1;
    const known = before.get(slot);
    const forgiven = known && { ...known, sinceMs: known.sinceMs + forgivenMs };
    if (slot > 0) seen.set(slot, observe(forgiven, lease, nowMs));
  }
  return seen;
}

/**
 * A slot that nobody has, or whose replica has not renewed it in time; undefined: there is none.
 *
 * @param refused slots that the API server did not let this replica have
 */
export function freeSlot(
  seen: Slots,
  me: string,
  nowMs: number,
  refused: ReadonlySet<number> = new Set(),
): number | undefined {
  for (let slot = 1; slot <= MEMBER_LEASES.length; slot++) {
    if (refused.has(slot)) continue;
    const one = seen.get(slot);
    if (one === undefined || leaseStep(one, me, nowMs) !== "wait") return slot;
  }
  return undefined;
}

/** The other replicas that live, by slot, with what each has published. */
export function othersOf(seen: Slots, me: string, nowMs: number): Map<number, View> {
  const others = new Map<number, View>();
  for (const [slot, one] of seen)
    if (leaseStep(one, me, nowMs) === "wait") others.set(slot, viewOf(one.lease));
  return others;
}

/** What is to be published by who has this slot: itself and all others that live. */
export function viewWith(slot: number, others: Iterable<number>): View {
  return [...new Set([slot, ...others])].sort((a, b) => a - b);
}

/** The Lease of a slot as its replica writes it. @param view nobody: it is let go of */
export function memberLease(namespace: string, slot: number, seen: Slots, me: string, view: View, at: Date) {
  const known = seen.get(slot)?.lease;
  const step = known?.spec?.holderIdentity === me ? "renew" : "take";
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    ...heldLease({ ...known }, me, at, view.length === 0 ? "release" : step),
    metadata: {
      ...known?.metadata,
      name: MEMBER_LEASES[slot - 1],
      namespace,
      labels: { ...known?.metadata.labels, ...CONTROLLER_LABELS },
      annotations: { ...known?.metadata.annotations, [VIEW]: view.join() },
    },
  };
}

/** A Lease that says nothing claims nothing: nobody that divides has written it. */
function viewOf({ metadata }: LeaseObject): View {
  return (metadata.annotations?.[VIEW] ?? "")
    .split(",")
    .flatMap((text) => (text === "" ? [] : [Number(text)]));
}
