import * as z from "zod";
import { line, port, secret, wholeNumber } from "./fields";

/**
 * `ssh-ed25519 AAAA...` (a line of known_hosts without the host) or `SHA256:...` (as `ssh-keygen -l` prints it).
 */
const hostKey = line("a host key")
  .refine((text) => /^(ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/=]+( .*)?$|^SHA256:[A-Za-z0-9+/]{43}=?$/.test(text), {
    error: "expected a public host key (`ssh-ed25519 AAAA...`) or its fingerprint (`SHA256:...`)",
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

/** A bastion that connections go through: the same fields, one level deep. */
const proxy = z.strictObject(fields).partial().required({ host: true });

/**
 * Schema of a connection. The fields are those of @pulumi/command's `remote.Connection`, with one difference:
 * a missing host key is refused unless `insecureIgnoreHostKey` is set. All optional here, because a cluster's
 * `connection` gives defaults to its directors; `checkConnection` in cluster.ts sees to the whole.
 */
export const connection = z
  .strictObject({ ...fields, proxy: proxy.describe("bastion to go through") })
  .partial()
  .describe("how to reach a host over SSH");

/** A connection as the user wrote it, all parts optional. */
export type Connection = z.output<typeof connection>;

/** A connection with the one part that has no default. */
export type HostConnection = Connection & { readonly host: string };
