import * as z from "zod";

/** Final answers of HTTP (RFC 9110, 15); 1xx are not final, so no check ever ends with one. */
const LOWEST = 200;
const HIGHEST = 599;

/** A status, or both ends of a range of them: `204`, `"200-299"`. */
export type StatusRange = number | string;

const ERROR = `expected a status from ${LOWEST} to ${HIGHEST} or a range of them such as "200-299"`;

/**
 * Schema of a list of statuses. Normal form: ranges that meet are one, in ascending order, a status alone a number. So
 * two lists that mean the same are the same.
 *
 * @example ["301", "200-299", 300].. // ["200-301"]
 */
export const statusRanges = z
  .array(
    z
      .union([z.number(), z.string()], { error: ERROR })
      .refine((range) => endsOf(range) !== undefined, { error: ERROR }),
    { error: "expected a list of statuses" },
  )
  .min(1, { error: "expected at least one status" })
  .transform((ranges) => normalRanges(ranges));

/** Whether a status is in one of the ranges. */
export function includesStatus(ranges: readonly StatusRange[], status: number): boolean {
  return ranges.some((range) => {
    const ends = endsOf(range);
    return ends !== undefined && ends.first <= status && status <= ends.last;
  });
}

interface Ends {
  readonly first: number;
  readonly last: number;
}

function endsOf(range: StatusRange): Ends | undefined {
  const [, from, to] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(range)) ?? [];
  const first = Number(from);
  const last = Number(to ?? from);
  return LOWEST <= first && first <= last && last <= HIGHEST ? { first, last } : undefined;
}

function normalRanges(ranges: readonly StatusRange[]): StatusRange[] {
  const sorted = ranges
    .map(endsOf)
    .filter((ends) => ends !== undefined)
    .sort((a, b) => a.first - b.first);
  const merged: Ends[] = [];
  for (const ends of sorted) {
    const before = merged.at(-1);
    if (before && ends.first <= before.last + 1) {
      merged[merged.length - 1] = { first: before.first, last: Math.max(before.last, ends.last) };
    } else merged.push(ends);
  }
  return merged.map(({ first, last }) => (first === last ? first : `${first}-${last}`));
}
