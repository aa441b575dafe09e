import * as z from "zod";
import { canonicalAddress } from "../spec";
import type { Annotations } from "./annotations";
import { ANNOTATION } from "./names";

/** What the annotation `heye.io/status` tells: which addresses are out and why, and what is wrong with the object. */
export interface StatusNote {
  /** By address: what it had answered when it was taken out. */
  readonly out: Readonly<Record<string, string>>;
  /** Sentences. */
  readonly problems: readonly string[];
}

/** All annotations of an object together may have 256 KiB; of more addresses than these none is told why. */
const TOLD = 200;
/** A reason that is longer is cut, in characters. */
const LONGEST_REASON = 200;

const note = z.object({
  out: z.record(z.string(), z.string()).default({}),
  problems: z.array(z.string()).default([]),
});

/** What an object says; what nobody can read counts as nothing. */
export function readStatus(annotations: Annotations): StatusNote {
  try {
    return note.parse(JSON.parse(annotations[ANNOTATION.status] ?? "{}"));
  } catch {
    return { out: {}, problems: [] };
  }
}

/** The annotation's text, the same for the same status; undefined: there is nothing to tell, and no annotation. */
export function writeStatus({ out, problems }: StatusNote): string | undefined {
  const reasons = Object.entries(out)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, TOLD)
    .map(([address, reason]) => [shortAddress(address), reason.slice(0, LONGEST_REASON)]);
  if (reasons.length === 0 && problems.length === 0) return undefined;
  return JSON.stringify({
    ...(reasons.length > 0 && { out: Object.fromEntries(reasons) }),
    ...(problems.length > 0 && { problems }),
  });
}

/** An address as the annotation has it, however it is written elsewhere. */
export function shortAddress(address: string): string {
  return canonicalAddress(address) ?? address;
}
