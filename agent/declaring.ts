import type { ChangeAnswer, ChangeOrder, Digests, StateAnswer } from "../director/data";
import type { Keeper } from "./keeper";

/** Who keeps what is declared: a director's keeper by itself, or with others. */
export interface Declaring extends Pick<Keeper, "view" | "state"> {
  /**
   * As `state`, and surely no older than the question: for whoever changes something, or says that it is not there. Absent: what
   * is here is all there is.
   *
   * @throws PlaneDownError, NotFollowingError: nobody can say
   */
  newest?(known: Digests): Promise<StateAnswer>;
  /** @param isExact not where others have changed anything meanwhile */
  change(order: ChangeOrder, isExact?: boolean): Promise<ChangeAnswer>;
}
