import * as z from "zod";
import type { ServerHealth } from "../health";
import type { Drain } from "./drains";
import { parseJson } from "./json";

/** What has to be known after a restart for forwarding to go on as it was. */
export interface HealthRecord {
  /** Servers that are down, by the key of their probe. All others are up. */
  readonly down: Readonly<Record<string, ServerHealth>>;
  /** Virtual servers whose quorum is lost, by their key. */
  readonly lost: readonly string[];
  readonly drains: readonly Drain[];
}

const health: z.ZodType<ServerHealth> = z.object({
  healthy: z.boolean(),
  streak: z.number(),
  since: z.number(),
  answer: z.string(),
  at: z.number(),
});

const drain: z.ZodType<Drain> = z.object({
  service: z.string(),
  server: z.string(),
  startedAt: z.number(),
  elapsedMs: z.number(),
  by: z.enum(["change", "operator"]),
  goneMs: z.number().exactOptional(),
});

/** Each part by itself: that drains are written in another way by a later version says nothing about who is down. */
const record = z.object({
  down: z.record(z.string(), health).catch({}),
  lost: z.array(z.string()).catch([]),
  drains: z
    .array(z.unknown())
    .catch([])
    .transform((all) => all.flatMap((one) => drain.safeParse(one).data ?? [])),
});

const stamp = z.object({ boot: z.string() });

/** See {@link bootName}: of when a record was written; undefined: it does not say. */
export function bootOfRecord(text: string): string | undefined {
  return stamp.safeParse(parseJson(text)).data?.boot;
}

/** undefined: it cannot be read, and says nothing; the kernel's own weights are believed then. */
export function readHealthRecord(text: string): HealthRecord | undefined {
  return record.safeParse(parseJson(text)).data;
}
