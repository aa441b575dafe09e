import { utils } from "ssh2";

/**
 * Why nobody could log in with a private key; undefined: it can be used. Says what it is, never what is in it: ssh2's own
 * words may repeat a part of what it could not read.
 *
 * @param passphrase what opens the key
 */
export function privateKeyFault(key: string, passphrase?: string): string | undefined {
  const parsed = utils.parseKey(key, passphrase);
  const [first] = Array.isArray(parsed) ? parsed : [parsed];
  if (first === undefined) return NO_KEY;
  if (!(first instanceof Error)) return first.isPrivateKey() ? undefined : "is a public key";
  if (/no passphrase given/.test(first.message)) return "is encrypted, and privateKeyPassword is missing";
  if (passphrase !== undefined && /integrity check|passphrase|decrypt/i.test(first.message))
    return "is not opened by privateKeyPassword";
  return NO_KEY;
}

const NO_KEY =
  "is not a private key in OpenSSH or PEM format (`ssh-keygen -p -f FILE` writes one of another format anew)";
