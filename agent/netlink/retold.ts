import { readTableText, type TableText, withServices } from "../../director/data";
import { serviceKey } from "../../ipvs";

/** Where more than this part of the virtual servers has changed, all of them are read anew: it costs no more. */
const MUCH = 1 / 8;

/** A virtual server's lines, and those of its destinations, in any order. */
export type Block = readonly string[];

/**
 * A table of which some virtual servers have changed. It is what reading all of it anew would give, but for the order of
 * its virtual servers.
 *
 * @param text as it was
 * @param gone blocks of that which are no more, or not as they were
 * @param come what there is in their places, and besides
 * @param all every block that there is now; called where that is less work
 */
export function retold(
  text: TableText | undefined,
  gone: readonly Block[],
  come: readonly Block[],
  all: () => readonly Block[],
): TableText {
  if (text === undefined || gone.length + come.length > text.table.length * MUCH)
    return readTableText(all().flat().sort());
  // Whoever compares is spared the work where nothing has changed.
  if (gone.length + come.length === 0) return text;
  const scope = readTableText(gone.flat().sort()).table.map(serviceKey);
  return withServices(text, readTableText(come.flat().sort()).table, new Set(scope));
}
