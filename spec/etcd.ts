import * as z from "zod";
import { certificates } from "./certificates";
import { line, secret } from "./fields";
import type { IsUnknown } from "./parse";
import type { Problem } from "./problem";
import { isRecord } from "./record";

/** `https://10.0.0.5:2379`: no path, no login, since each would be one thing more that a log could show. */
const ENDPOINT = /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):\d{1,5}$/;

const endpoint = line("an endpoint").refine((text) => ENDPOINT.test(text), {
  error: ({ input }) => endpointFault(String(input)),
});

/** A login in the wrong place is not shown. */
function endpointFault(text: string): string {
  const found = text.includes("@") ? `text of ${text.length} characters` : JSON.stringify(text);
  return `expected https://HOST:PORT or http://HOST:PORT, and nothing after the port, found ${found}`;
}

const etcdTls = z
  .strictObject({
    ca: certificates.optional().describe("certificates to trust in place of the system's, in PEM format"),
    cert: certificates
      .optional()
      .describe("the agents' certificate, and those that it was signed with, in PEM format"),
    key: secret("a private key").optional().describe("the certificate's private key, in PEM format"),
  })
  .describe("how directors and etcd know each other");

const etcdAuth = z
  .strictObject({
    user: line("a user name").describe("user of etcd"),
    password: secret("a password").optional().describe("that user's password"),
  })
  .describe("a login, where etcd has authentication enabled");

/** Schema of what a cluster says about the etcd that its directors share. */
export const etcd = z
  .strictObject({
    endpoints: z
      .array(endpoint, { error: "expected a list of endpoints" })
      .min(1, { error: "expected at least one endpoint" })
      .max(32, { error: "expected at most 32 endpoints" })
      .describe("where its members take clients"),
    tls: etcdTls.optional(),
    auth: etcdAuth.optional(),
    prefix: line("a prefix")
      .regex(/^\/[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, {
        error:
          "expected a prefix such as /heye/edge: parts of letters, digits, dots, dashes and underscores, each after a slash",
      })
      .optional()
      .describe("below which all keys of the cluster lie; default: /heye/ and the cluster's id"),
  })
  .describe("the etcd that directors share what is declared by; with the mode agent alone");

/** What a cluster says about its etcd, in normal form. */
export type Etcd = z.output<typeof etcd>;

/** Rules between the fields of an etcd, each skipped while a value that it needs is not known yet. */
export function etcdProblems(declared: unknown, isUnknown: IsUnknown): Problem[] {
  if (!isRecord(declared)) return [];
  const { endpoints, tls, auth } = declared;
  const problems: Problem[] = [];
  const say = (path: string, reason: string) => problems.push({ path: ["etcd", ...path.split(".")], reason });
  const isEncrypted = (one: unknown) => isUnknown(one) || typeof one !== "string" || one.startsWith("https:");
  if (isRecord(tls)) {
    if (tls.cert !== undefined && tls.key === undefined)
      say("tls.key", "expected the certificate's private key");
    if (tls.key !== undefined && tls.cert === undefined)
      say("tls.cert", "expected the private key's certificate");
    if (Array.isArray(endpoints) && !endpoints.every(isEncrypted)) say("endpoints", NOT_ENCRYPTED);
  }
  if (isRecord(auth) && auth.password === undefined) say("auth.password", "expected the user's password");
  return problems;
}

const NOT_ENCRYPTED =
  "expected https endpoints alone, since tls is set: to an http one everything is said in clear";
