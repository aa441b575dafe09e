import type { TrafficHandle, TrafficReport } from "../../lab";
import { type ChaosCluster, SORRY, URL } from "./cluster";
import { STANDSTILL_MS, standstills, type Window } from "./judge";

/** Modest: a lab that has too much to do loses requests by that. */
const RATE_PER_S = 20;

/** Requests for as long as a schedule takes. */
export class Load {
  #ended: Promise<{ report: TrafficReport; pauses: Window[] }> | undefined;
  readonly windows: Window[] = [];
  /** Which step is made just now, from 1. */
  step = 0;
  /** When what was done, for people. */
  readonly times: Record<string, number> = {};

  private constructor(
    private readonly handle: TrafficHandle,
    private readonly past: TrafficHandle,
    /** When each began, by our clock: they do not begin together. */
    private readonly began: number,
    private readonly pastBegan: number,
  ) {}

  static async begin({ site }: ChaosCluster): Promise<Load> {
    const rate = { ratePerS: RATE_PER_S };
    // A processor that nobody gets shows in answers as well as in connections.
    const still = { connectTimeoutMs: STANDSTILL_MS, answerTimeoutMs: STANDSTILL_MS };
    const [one, other] = await Promise.all([
      site.lab.startTraffic({ url: URL, ...rate, connectTimeoutMs: 900, answerTimeoutMs: 2_000 }),
      site.lab.startTraffic({ url: `http://${site.address(SORRY)}/`, ...rate, ...still }),
    ]);
    return new Load(one, other, ...(await Promise.all([one.began(), other.began()])));
  }

  note(what: string): void {
    this.times[`${this.step}. ${what}`] = Math.round(this.nowMs);
  }

  /** As the load reckons. */
  get nowMs(): number {
    return performance.now() - this.began;
  }

  /** Ends it, once, and tells when the lab itself stood still. */
  end(): Promise<{ report: TrafficReport; pauses: Window[] }> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<{ report: TrafficReport; pauses: Window[] }> {
    const [report, past] = await Promise.all([this.handle.stop(), this.past.stop()]);
    return { report, pauses: standstills(past, this.pastBegan - this.began) };
  }
}
