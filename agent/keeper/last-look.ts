import type { TableText } from "../../director/data";

/** The kernel as it was last seen, and whether it has to be compared again with what it is to hold. */
export class LastLook {
  /** undefined: no table was seen yet. */
  seen: TableText | undefined;
  #left: string | undefined;

  /** The table as it was left; another one has been changed by somebody else. undefined: it has to be looked at. */
  get left(): string | undefined {
    return this.#left;
  }

  /** A table with which all is well; nothing is done while it is the same. */
  leave(table: string): void {
    this.#left = table;
  }

  /** Something is to be otherwise from now on: the next look compares the table whatever it is. */
  forget(): void {
    this.#left = undefined;
  }
}
