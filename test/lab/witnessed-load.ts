import assert from "node:assert/strict";
import type { TrafficHandle } from "../../lab";
import { STANDSTILL_MS, standstills, unexcused } from "../chaos/judge";
import { EntryWatch } from "./entry-watch";
import type { Site } from "./site";

/** Modest: the lab has one processor, and an agent that starts wants it. */
const RATE = { ratePerS: 10 } as const;
/** Less than the second after which TCP tries again: a first packet that is lost is seen. */
const CONNECT_TIMEOUT_MS = 900;
/** In every lab, and in no pool: no director has to do with what it answers. */
const WITNESS = "tcp1";

/**
 * Requests that begin at their times, whatever has become of the earlier ones, while something planned is done. Others go past all
 * directors, and are the witness: what was lost while the lab itself stood still is nobody's fault.
 */
export class WitnessedLoad {
  private constructor(
    private readonly place: string,
    private readonly load: TrafficHandle,
    private readonly witness: TrafficHandle,
    /** How much later the witness began. */
    private readonly laterMs: number,
    private readonly entries: EntryWatch,
  ) {}

  /**
   * Returns when it has begun.
   *
   * @param place a virtual server of HTTP, `192.0.2.10:80`
   */
  static async begin(site: Site, place: string): Promise<WitnessedLoad> {
    const past = `tcp://${site.address(WITNESS)}:7000`;
    // A processor that nobody gets shows in answers as well as in connections.
    const still = { connectTimeoutMs: STANDSTILL_MS, answerTimeoutMs: STANDSTILL_MS };
    const [load, witness] = await Promise.all([
      site.lab.startTraffic({ url: `http://${place}/`, ...RATE, connectTimeoutMs: CONNECT_TIMEOUT_MS }),
      site.lab.startTraffic({ url: past, ...RATE, ...still }),
    ]);
    const [began, witnessBegan] = await Promise.all([load.began(), witness.began()]);
    const entries = await EntryWatch.begin(site, place);
    return new WitnessedLoad(place, load, witness, witnessBegan - began, entries);
  }

  /** Ends it. Fails where a request was lost, or the virtual server was made anew. */
  async expectNoneLost(): Promise<void> {
    const changed = await this.#end();
    assert.deepEqual(
      changed.filter((entry) => entry.endsWith(` ${this.place}`)),
      [],
    );
  }

  /** Ends it. Fails where a request was lost, or any entry was made anew. */
  async expectUnnoticed(): Promise<void> {
    assert.deepEqual(await this.#end(), []);
  }

  /** @returns entries that were made anew */
  async #end(): Promise<string[]> {
    const [report, witness] = await Promise.all([this.load.stop(), this.witness.stop()]);
    const changed = await this.entries.end();
    assert.deepEqual(unexcused(report, standstills(witness, this.laterMs)), []);
    assert.ok(report.requests > report.failed, "nothing was answered");
    return changed;
  }
}
