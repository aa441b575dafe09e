import { utils } from "ssh2";

/** How the private half is encrypted. */
export interface Locked {
  readonly passphrase: string;
  readonly cipher: string;
  readonly rounds: number;
}

/** A new key that can be read: ssh2 1.17 drops a leading zero byte of a key, so that one in 256 is malformed. */
export function ed25519Key(locked?: Locked): { private: string; public: string } {
  const pair = locked ? utils.generateKeyPairSync("ed25519", locked) : utils.generateKeyPairSync("ed25519");
  const isMalformed = [utils.parseKey(pair.private, locked?.passphrase), utils.parseKey(pair.public)].some(
    (key) => key instanceof Error,
  );
  return isMalformed ? ed25519Key(locked) : pair;
}
