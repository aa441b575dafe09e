import * as z from "zod";
import { line, port, secret, wholeNumber } from "./fields";

/** The kinds of host key that can be verified (ssh2 knows no others); their names also stand inside the key. */
const HOST_KEY_KINDS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/**
 * `ssh-ed25519 AAAA...` (a line of known_hosts without the host) or `SHA256:...` (as `ssh-keygen -l` prints it).
 */
const hostKey = line("a host key")
  .refine((text) => hostKeyFault(text) === undefined, {
    error: (issue) => hostKeyFault(String(issue.input)),
  })
  .describe("the host's public key, or its SHA256 fingerprint");

const fields = {
  host: line("a host name or address").describe("host name or address"),
  port: port.describe("SSH port; default 22"),
  user: line("a user name").describe("login; default root. Any other user needs passwordless sudo"),
  password: secret("a password").describe("password for password authentication"),
  privateKey: secret("a private key").describe("private key in OpenSSH or PEM format"),
  privateKeyPassword: secret("a passphrase").describe("passphrase of the private key"),
  agentSocketPath: line("a path").describe("socket of an SSH agent; default: none is asked"),
  hostKey,
  insecureIgnoreHostKey: z
    .boolean({ error: "expected true or false" })
    .describe("connect to whatever answers: for throw-away labs"),
  dialErrorLimit: wholeNumber(-1, 1_000).describe(
    "failed dials before giving up, -1 for no limit; default 10",
  ),
  perDialTimeout: wholeNumber(0, 3_600).describe("seconds for each dial, 0 for no limit; default 15"),
};

/** What is wrong with a declared host key; says what it is called, never what is in it: it may be a private key. */
function hostKeyFault(text: string): string | undefined {
  if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(text)) return undefined;
  const [, kind = "", blob = ""] = /^([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})( .*)?$/.exec(text) ?? [];
  if (kind === "") {
    return `expected a public host key (\`ssh-ed25519 AAAA...\`) or its fingerprint (\`SHA256:...\`), found text of ${text.length} characters`;
  }
  if (!HOST_KEY_KINDS.includes(kind)) {
    return `expected a host key of the kind ${HOST_KEY_KINDS.join(", ")}, found ${kind}, which cannot be verified: run \`ssh-keyscan -t ed25519 HOST\` for another one`;
  }
  const [inside] = sshStrings(Buffer.from(blob, "base64"));
  if (inside === undefined) return `expected the whole ${kind} key, found a part of one: copy it again`;
  if (inside !== kind) return `expected an ${kind} key after its name, found a key of another kind`;
  return undefined;
}

/** The length-prefixed strings a key is made of (RFC 4253); none when the last one is cut off. */
function sshStrings(blob: Buffer): string[] {
  const strings: string[] = [];
  let at = 0;
  while (at + 4 <= blob.length) {
    const end = at + 4 + blob.readUInt32BE(at);
    strings.push(blob.toString("latin1", at + 4, end));
    at = end;
  }
  return at === blob.length && strings.length > 1 ? strings : [];
}

/** A bastion that connections go through: the same fields, one level deep. */
const proxy = z.strictObject(fields).partial().required({ host: true });

/**
 * Schema of a connection. The fields are those of @pulumi/command's `remote.Connection`, with one difference:
 * a missing host key is refused unless `insecureIgnoreHostKey` is set. All optional here, because a cluster's
 * `connection` gives defaults to its directors; `clusterProblems` sees to the whole.
 */
export const connection = z
  .strictObject({ ...fields, proxy: proxy.describe("bastion to go through") })
  .partial()
  .describe("how to reach a host over SSH");

/** A connection as the user wrote it, all parts optional. */
export type Connection = z.output<typeof connection>;

/** A connection with the one part that has no default. */
export type HostConnection = Connection & { readonly host: string };
