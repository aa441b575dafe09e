/** A lab's keys and ports: made at its first `up`, the same ever after. */
import { utils } from "ssh2";
import { readJson, writeJson } from "./files";
import type { LabPaths } from "./paths";

/** An ed25519 key: OpenSSH private key, and `ssh-ed25519 AAAA...`. */
export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

/** What a lab remembers while it is down. */
export interface Memory {
  readonly client: KeyPair;
  /** d1 first. */
  readonly hosts: readonly KeyPair[];
  /** Ports of 127.0.0.1, d1 first. */
  readonly ports: readonly number[];
}

/** The lab's memory, with keys for at least this many directors. Missing ones are made and kept. */
export function recall(paths: LabPaths, directors: number): Memory {
  const known = readJson<Memory>(paths.memory);
  const hosts = [...(known?.hosts ?? [])];
  while (hosts.length < directors) hosts.push(newKey());
  return { client: known?.client ?? newKey(), hosts, ports: known?.ports ?? [] };
}

/** Writes the memory down. */
export function remember(paths: LabPaths, memory: Memory): void {
  writeJson(paths.memory, memory);
}

function newKey(): KeyPair {
  const pair = utils.generateKeyPairSync("ed25519");
  // ssh2 1.17 drops a leading zero byte of the key: one in 256 is malformed.
  if (utils.parseKey(pair.private) instanceof Error) return newKey();
  return { private: pair.private, public: pair.public.split(" ").slice(0, 2).join(" ") };
}
