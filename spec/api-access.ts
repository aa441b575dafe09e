import { createPrivateKey, X509Certificate } from "node:crypto";
import * as z from "zod";
import { canonicalAddress } from "./address";
import { certificates } from "./certificates";
import { line, secret } from "./fields";
import type { IsUnknown } from "./parse";
import type { Problem } from "./problem";
import { isRecord } from "./record";

const LISTEN_ERROR = "expected an address and a port, such as 10.1.1.2:9443, 0.0.0.0:9443 or [::]:9443";

/** Where to listen: a literal address, so that no name decides who can reach it. */
const listen = z
  .string({ error: LISTEN_ERROR })
  .refine((text) => listenPlace(text) !== undefined, { error: LISTEN_ERROR });

const name = line("the common name or an alternative name of a certificate");
const names = z
  .array(name, { error: "expected a list of names" })
  .max(256, { error: "expected at most 256 names" });

/** Schema of what a cluster says about its agents' API on TCP. */
export const apiAccess = z
  .strictObject({
    listen: listen.describe("address and port on every director; 0.0.0.0 or [::]: all of its addresses"),
    tls: z
      .strictObject({
        ca: certificates.describe("authorities whose client certificates are taken, in PEM format"),
        cert: certificates.describe(
          "the agents' certificate, and those that it was signed with, in PEM format",
        ),
        key: secret("a private key").optional().describe("the certificate's private key, in PEM format"),
      })
      .describe("how agents and clients know each other; TLS 1.3, on both sides"),
    readOnly: names.optional().describe("names of clients that may read"),
    readWrite: names.optional().describe("names of clients that may also change what is declared"),
  })
  .describe("the agents' REST API on TCP; with the mode agent alone");

/** What a cluster says about its agents' API on TCP, in normal form. */
export type ApiAccess = z.output<typeof apiAccess>;

/** A place to listen at, taken apart; undefined for what is none. */
export function listenPlace(text: string): { readonly address: string; readonly port: number } | undefined {
  const [, six, four, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const address = canonicalAddress(six ?? four ?? "");
  const port = Number(digits);
  const isOfFamily = six === undefined ? !address?.includes(":") : address?.includes(":");
  return address !== undefined && isOfFamily && port >= 1 && port <= 65_535 ? { address, port } : undefined;
}

/** Rules between the fields of an API, each skipped while a value that it needs is not known yet. */
export function apiProblems(declared: unknown, mode: unknown, isUnknown: IsUnknown): Problem[] {
  if (!isRecord(declared)) return [];
  const problems: Problem[] = [];
  const { tls, readOnly, readWrite } = declared;
  if (mode === "ssh")
    problems.push({
      path: ["api"],
      reason: 'expected no api without `mode: "agent"`: nothing would serve it',
    });
  if (isRecord(tls) && tls.key === undefined)
    problems.push({ path: ["api", "tls", "key"], reason: "expected the certificate's private key" });
  if (isRecord(tls) && typeof tls.cert === "string" && typeof tls.key === "string" && !isUnknown(tls.cert))
    if (!isUnknown(tls.key) && !isPair(tls.cert, tls.key))
      problems.push({
        path: ["api", "tls", "key"],
        reason:
          "expected the private key of the certificate, in PEM format, without a passphrase, found another text",
      });
  const isEmpty = (list: unknown) => list === undefined || (Array.isArray(list) && list.length === 0);
  if (!isUnknown(readOnly) && !isUnknown(readWrite) && isEmpty(readOnly) && isEmpty(readWrite))
    problems.push({ path: ["api", "readWrite"], reason: NOBODY });
  return problems;
}

/** Whether a certificate is that of a private key. What cannot be read is no pair, and is said elsewhere. */
function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

const NOBODY = "expected a name in readOnly or readWrite: else nobody could use it";
