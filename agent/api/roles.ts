import type { PeerCertificate } from "node:tls";
import type { Role } from "./clients";

/** Who may do what, by the names in certificates. */
export interface Roles {
  readonly readOnly?: readonly string[] | undefined;
  readonly readWrite?: readonly string[] | undefined;
}

/** What the client with this certificate may do; undefined: nothing. A name counts whole, and exactly as it is written. */
export function roleOf(
  certificate: Pick<PeerCertificate, "subject" | "subjectaltname">,
  roles: Roles,
): Role | undefined {
  const names = new Set(namesIn(certificate));
  if (roles.readWrite?.some((one) => names.has(one))) return "read-write";
  return roles.readOnly?.some((one) => names.has(one)) ? "read-only" : undefined;
}

/** The common names and alternative names of a certificate. Its issuer, which was verified, answers for them. */
export function namesIn({
  subject,
  subjectaltname,
}: Pick<PeerCertificate, "subject" | "subjectaltname">): string[] {
  const common: unknown = subject?.CN;
  const commons = (Array.isArray(common) ? common : [common]).filter((one) => typeof one === "string");
  return [...commons, ...alternatives(subjectaltname ?? "")];
}

/**
 * `DNS:deploy.example, URI:spiffe://example/deploy`, as Node.js prints it: what holds a comma or a quote stands in quotes,
 * as in JSON, so that no name can pass for two.
 */
function alternatives(text: string): string[] {
  return [
    ...text.matchAll(/(?:^|, )(?:DNS|URI|email|IP Address):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g),
  ].flatMap(([, value = ""]) => (value.startsWith('"') ? unquoted(value) : [value]));
}

function unquoted(text: string): string[] {
  try {
    return [String(JSON.parse(text))];
  } catch {
    return [];
  }
}
