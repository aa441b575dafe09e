import * as z from "zod";
import * as kinds from "./checks";

/** No check: servers are let in at once, and preview says so. */
const noCheck = z.strictObject({ type: z.literal("none") });

/** By the alphabet: modules have no order of their own. */
const KINDS = Object.entries(kinds).sort(([a], [b]) => (a < b ? -1 : 1));

/** Types of the checks that ask something. */
export const CHECK_TYPES = KINDS.map(([type]) => type as keyof typeof kinds);

/** Schema of {@link HealthCheck}. */
export const healthCheck = z
  .discriminatedUnion("type", [noCheck, ...KINDS.map(([, kind]) => kind)], {
    error: `expected type to be one of ${[...CHECK_TYPES, "none"].join(", ")}`,
  })
  .describe("what proves that a real server works");

/** What proves that a real server works, in normal form (every default filled in). */
export type HealthCheck = z.output<typeof healthCheck>;
/** Settings of one kind of check, in normal form. */
export type HealthCheckOf<T extends HealthCheck["type"]> = Extract<HealthCheck, { type: T }>;
/** A check that asks something, i.e. all but `none`. */
export type ActiveHealthCheck = Exclude<HealthCheck, { type: "none" }>;
/** The health check as a user writes it. */
export type HealthCheckInput = z.input<typeof healthCheck>;

/** What carries a check's question. Kinds that ask over UDP say so in a property `transport`. */
export function transportOf(check: ActiveHealthCheck): "tcp" | "udp" {
  return "transport" in check && check.transport === "udp" ? "udp" : "tcp";
}
