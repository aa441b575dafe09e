import { CLIENTS_REMEMBERED, READS_BURST, READS_PER_S, WRITES_BURST, WRITES_PER_S } from "./limits";
import { ApiProblem } from "./problem";

/** What a client may do. */
export type Role = "read-only" | "read-write";

/** What one client has left. */
interface Balance {
  readonly reads: number;
  readonly writes: number;
  readonly atMs: number;
}

/** How often each client has asked lately: token buckets, one for reads and one for writes. */
export class Rates {
  /** The one that was silent longest comes first. */
  readonly #clients = new Map<string, Balance>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /**
   * Counts a request.
   *
   * @throws ApiProblem 429 when the client asks too often; its request does not count then
   */
  admit(client: string, isWrite: boolean): void {
    const { reads, writes } = this.#balance(client);
    const kind = isWrite ? "writes" : "reads";
    const left = isWrite ? writes : reads;
    const perS = isWrite ? WRITES_PER_S : READS_PER_S;
    const paid = left >= 1 ? 1 : 0;
    this.#keep(client, {
      reads: reads - (isWrite ? 0 : paid),
      writes: writes - (isWrite ? paid : 0),
      atMs: this.nowMs(),
    });
    if (paid === 1) return;
    const waitS = Math.ceil((1 - left) / perS);
    const detail = `expected at most ${perS} ${kind} in a second from one client, found more`;
    throw new ApiProblem(429, "too many requests", detail, {}, { "retry-after": String(waitS) });
  }

  #balance(client: string): Pick<Balance, "reads" | "writes"> {
    const known = this.#clients.get(client);
    if (!known) return { reads: READS_BURST, writes: WRITES_BURST };
    const s = (this.nowMs() - known.atMs) / 1000;
    return {
      reads: Math.min(READS_BURST, known.reads + s * READS_PER_S),
      writes: Math.min(WRITES_BURST, known.writes + s * WRITES_PER_S),
    };
  }

  #keep(client: string, balance: Balance): void {
    this.#clients.delete(client);
    this.#clients.set(client, balance);
    const [silent] = this.#clients.keys();
    if (silent !== undefined && this.#clients.size > CLIENTS_REMEMBERED) this.#clients.delete(silent);
  }
}
