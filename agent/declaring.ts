import type { ChangeAnswer, ChangeOrder } from "../director/data";
import type { Keeper } from "./keeper";

/** Who keeps what is declared: a director's keeper by itself, or with others. */
export interface Declaring extends Pick<Keeper, "view" | "state"> {
  /** @param isExact not where others have changed anything meanwhile */
  change(order: ChangeOrder, isExact?: boolean): Promise<ChangeAnswer>;
}
