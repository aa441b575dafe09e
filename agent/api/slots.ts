import type { Share } from "./limits";
import { ApiProblem } from "./problem";

/** What requests take a share of while they last. */
export class Slots {
  #taken = 0;

  /**
   * @param what requests, changes, bytes: for people
   * @param retryS when one who finds none is to come again
   */
  constructor(
    private readonly what: string,
    private readonly share: Share,
    private readonly retryS = 1,
  ) {}

  /**
   * Takes one, or several together. Who takes more than there are gets them when nobody else has any.
   *
   * @param isLocal whether it is for a request over the unix socket: it gets one of those that are kept
   * @returns gives it back; to be called once
   * @throws ApiProblem 503 when there is none
   */
  take(isLocal: boolean, count = 1): () => void {
    const { max, kept } = this.share;
    const most = isLocal ? max : max - kept;
    if (this.#taken > 0 && this.#taken + count > most) throw tooMany(`${most} ${this.what}`, this.retryS);
    this.#taken += count;
    return () => {
      this.#taken -= count;
    };
  }
}

/** Refuses one more than there may be at a time. */
export function tooMany(what: string, retryS: number): ApiProblem {
  const retry = { "retry-after": String(retryS) };
  return new ApiProblem(503, "busy", `expected at most ${what} at a time`, {}, retry);
}
