import { createHash, timingSafeEqual } from "node:crypto";

/** `SHA256:...` of a raw public key, as `ssh-keygen -l` prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The fingerprint of a declared key, however it was declared. */
export function declaredFingerprint(declared: string): string {
  return declared.startsWith("SHA256:") ? declared.replace(/=+$/, "") : fingerprint(keyBlob(declared));
}

/**
 * Whether the key a host presents is the declared one.
 *
 * @param declared `ssh-ed25519 AAAA...` (a comment may follow) or `SHA256:...`
 * @param presented the raw key of the handshake
 */
export function matchesHostKey(declared: string, presented: Buffer): boolean {
  const [a, b] = [Buffer.from(declaredFingerprint(declared)), Buffer.from(fingerprint(presented))];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The signature algorithms a declared key allows, so that a host with several keys presents that one.
 * undefined: a fingerprint does not tell its kind, so any may come.
 */
export function algorithmsFor(declared: string | undefined): string[] | undefined {
  if (!declared || declared.startsWith("SHA256:")) return undefined;
  const kind = declared.split(" ", 1)[0] ?? "";
  return kind === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [kind];
}

function keyBlob(declared: string): Buffer {
  return Buffer.from(declared.split(" ")[1] ?? "", "base64");
}
