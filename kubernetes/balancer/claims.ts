import * as z from "zod";

/**
 * By a virtual server's id in the directors' API: the directors, by host and port, on which it is this Service's. The API
 * has no place for a mark, so this is the only thing that tells ours from what others have declared there. It is written
 * down before anything is declared, and taken back when a director has said that the virtual server is gone.
 */
export type Claims = Readonly<Record<string, readonly string[]>>;

const claims = z.record(z.string(), z.array(z.string()));

/** What the annotation says; what nobody can read counts as nothing. */
export function readClaims(text: string | undefined): Claims {
  try {
    return claims.parse(JSON.parse(text ?? "{}"));
  } catch {
    return {};
  }
}

/** The annotation's text, the same for the same claims; undefined: there are none, and no annotation. */
export function writeClaims(value: Claims): string | undefined {
  const entries = Object.entries(value)
    .filter(([, directors]) => directors.length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, directors]) => [id, [...directors].sort()]);
  return entries.length === 0 ? undefined : JSON.stringify(Object.fromEntries(entries));
}

/** The address of a virtual server's id; undefined: it has none. */
export function addressOfId(id: string): string | undefined {
  const [, text] = /^(?:tcp|udp|sctp)-\[?([0-9A-Fa-f.:]+?)\]?-[0-9]+$/.exec(id) ?? [];
  return text;
}

/** Addresses of which there are claims. */
export function claimedAddresses(value: Claims): string[] {
  return [...new Set(Object.keys(value).flatMap((id) => addressOfId(id) ?? []))];
}
