import { ApiProblem, type Difference } from "./problem";

/** What a request wants to be so before it is obeyed (RFC 9110, 13). */
export interface Preconditions {
  /** Of the resource: one of these entity tags, or `*`. */
  readonly ifMatch?: string | undefined;
  /** `*`: only where nothing stands yet. Entity tags, with GET: only where it is none of these. */
  readonly ifNoneMatch?: string | undefined;
}

/**
 * Refuses what the client does not expect to be so.
 *
 * @param tag the entity tag of what stands; undefined: nothing does
 * @param differs what differs from the version that the client has, where that is still known
 * @throws ApiProblem 412
 */
export function requirePreconditions(
  { ifMatch, ifNoneMatch }: Preconditions,
  tag: string | undefined,
  differs: (known: readonly string[]) => readonly Difference[] | undefined,
): void {
  if (ifMatch !== undefined && !isAmong(tag, ifMatch)) {
    const found = differs(tagsOf(ifMatch));
    const what = found?.length ? `; it differs in ${found.map(({ path }) => path || "all").join(", ")}` : "";
    throw failed(`expected the version ${ifMatch}, found ${tag ?? "nothing"}${what}`, found);
  }
  if (ifNoneMatch !== undefined && isAmong(tag, ifNoneMatch))
    throw failed(`expected ${ifNoneMatch === "*" ? "nothing there" : "another version"}, found ${tag}`);
}

function failed(detail: string, differs: readonly Difference[] = []): ApiProblem {
  const next = "Read it again, and decide anew.";
  const parts = { code: "HEYE_OTHER_VERSION", ...(differs.length > 0 && { differs }) };
  return new ApiProblem(412, "another version", `${detail}. Nothing was changed. ${next}`, parts);
}

/** Whether a tag is one that a field names; weak ones are none (RFC 9110, 13.1.1). */
export function isAmong(tag: string | undefined, field: string): boolean {
  if (tag === undefined) return false;
  return field.trim() === "*" || tagsOf(field).includes(tag);
}

function tagsOf(field: string): string[] {
  return field.split(",").map((one) => one.trim());
}
