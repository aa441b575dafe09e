import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const DUMMY = "heye-bench";

/** The network of 16 bits that an IPv4 address is in. */
export function networkOf(address: string): string {
  return `${address.split(".").slice(0, 2).join(".")}.0.0/16`;
}

/**
 * Addresses of real servers on the director itself: whole networks are local, and what is not local any more is sent
 * into a dummy device, where it is lost without a word.
 */
export class Network {
  /** Carries out each line as it comes: a process for each would take longer than what is measured. */
  readonly #ip: ChildProcess;

  constructor() {
    this.#ip = spawn("ip", ["-batch", "-"], { stdio: ["pipe", "pipe", "inherit"] });
    this.#say(`link add ${DUMMY} type dummy`, `link set ${DUMMY} up`);
  }

  /** @param prefixes networks or addresses that this director is to answer for */
  answerFor(prefixes: readonly string[]): void {
    this.#say(...prefixes.map((prefix) => `route add local ${prefix} dev lo`));
  }

  /** @param prefixes networks that nobody answers for where the director does not */
  lose(prefixes: readonly string[]): void {
    this.#say(...prefixes.map((prefix) => `route add ${prefix} dev ${DUMMY}`));
  }

  /** Returns when all that has been asked for is so. */
  async settled(): Promise<void> {
    const told = this.#ip.stdout && once(this.#ip.stdout, "data");
    this.#say(`link show ${DUMMY}`);
    await told;
  }

  /** From now on nobody answers for this address, neither yes nor no. */
  silence(address: string): void {
    this.#say(`route del local ${address} dev lo`);
  }

  /** Takes everything back. @param prefixes what is still answered for */
  async end(prefixes: readonly string[]): Promise<void> {
    this.#say(...prefixes.map((prefix) => `route del local ${prefix} dev lo`), `link del ${DUMMY}`);
    const ended = once(this.#ip, "close");
    this.#ip.stdin?.end();
    await ended;
  }

  #say(...lines: readonly string[]): void {
    this.#ip.stdin?.write(lines.map((line) => `${line}\n`).join(""));
  }
}
