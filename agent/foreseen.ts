import { type TableText, withServices } from "../director/data";
import { type Edit, editedServices, parseTable, renderTable } from "../ipvs";

/** What edits that nobody complained of make of a table, as it is listed. Whether it is so is seen at the next look. */
export function foreseen(text: TableText, edits: readonly Edit[]): TableText {
  const changed = editedServices(text.table, edits);
  // As ipvsadm lists them, like all others.
  const listed = [...changed.values()].flatMap((one) => (one ? parseTable(renderTable([one])) : []));
  return withServices(text, listed, new Set(changed.keys()));
}
