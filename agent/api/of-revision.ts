import type { Registry } from "../../director/data";
import { registrations } from "../probes";
import { differences } from "./history";
import { virtualServerId } from "./ids";
import { requirePreconditions } from "./preconditions";
import { find, revisionTag, shownVirtualServer } from "./resources";
import type { AnsweredEdit, Api, Call } from "./route";
import type { EditBasis } from "./writer";

/**
 * An edit that is made only where the client knows all that is declared, if he says what he knows. It is made of exactly that:
 * not even what others change elsewhere at the same time may come between.
 */
export function ofRevision(
  { history }: Pick<Api, "history">,
  { preconditions: { ifMatch } }: Pick<Call, "preconditions">,
  edit: AnsweredEdit,
): AnsweredEdit {
  if (ifMatch === undefined) return edit;
  const apply = (basis: EditBasis) => {
    requirePreconditions({ ifMatch }, revisionTag(basis.revision()), (tags) => {
      const known = tags.map((tag) => history.at(tag.slice(1, -1))).find((one) => one !== undefined);
      return known && differences(shownAll(known), shownAll(basis.first));
    });
    return edit.apply(basis);
  };
  return { ...edit, apply, isExact: true };
}

function shownAll(registry: Registry): Record<string, unknown> {
  const found = [...registrations(registry).values()].flatMap((one) => find(registry, one) ?? []);
  return Object.fromEntries(found.map((one) => [virtualServerId(one.registration), shownVirtualServer(one)]));
}
