import { describeEdit, type Edit } from "../ipvs";
import type { Log } from "./log";

/** Edits of one batch, and differences of one look, that are written out in the log. */
const SHOWN = 20;

/** What the log says of the table: what was done to it and why, and what somebody else has done. */
export class EditLog {
  #drift: readonly string[] = [];

  constructor(private readonly log: Log) {}

  /** What somebody else has changed and is only told of, as of the last look. */
  get drift(): readonly string[] {
    return this.#drift;
  }

  /**
   * @param event why: `change`, `repair`, `settle`
   * @param complaint what the kernel's tools said; empty: nothing
   */
  made(event: string, edits: readonly Edit[], complaint: string): void {
    if (edits.length === 0 && complaint === "") return;
    const shown = edits.slice(0, SHOWN).map(describeEdit);
    const words = { event, edits: edits.length, shown, ...(complaint && { complaint }) };
    this.log.info(words, `${event}: ${edits.length} edits`);
  }

  /** Says it once for as long as it stays the same. */
  found(drift: readonly string[]): void {
    if (drift.length > 0 && drift.join() !== this.#drift.join())
      this.log.warn({ event: "drift", shown: drift.slice(0, SHOWN) }, "somebody changed the table");
    this.#drift = drift;
  }
}
