import * as z from "zod";
import type { Call } from "./route";

/** One hour; as long as a server may be declared to drain. */
const DRAIN_MAX_MS = 3_600_000;
const DRAIN_ERROR = `expected milliseconds from 0 to ${DRAIN_MAX_MS}`;

/** How long servers that go may keep their connections. */
export const drainQuery = {
  "drain-ms": z
    .string()
    .regex(/^(0|[1-9][0-9]{0,6})$/, { error: DRAIN_ERROR })
    .refine((text) => Number(text) <= DRAIN_MAX_MS, { error: DRAIN_ERROR })
    .describe(
      "how long connections may go on, in milliseconds; default: the servers' own drainMs; 0: not at all",
    ),
};

/** Asks what a change would do. */
export const dryRunQuery = {
  "dry-run": z
    .enum(["true", "false"], { error: "expected true or false" })
    .describe("true: answer with the plan, and change nothing"),
};

/** The time that a request gives for drains, in milliseconds; undefined: that of each server. */
export function drainMsIn({ query }: Call): number | undefined {
  const text = query["drain-ms"];
  return text === undefined ? undefined : Number(text);
}
