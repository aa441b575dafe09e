import { destinationKey, findService, type Service, serviceKey, type Table } from "./model";
import { type Edit, plan } from "./plan";
import { renderEdit } from "./render";

/**
 * What keeps `actual` from being `desired` within `scope`, one sentence for each difference, for people to read.
 * Empty when they agree.
 */
export function differences(actual: Table, desired: Table, scope: ReadonlySet<string>): string[] {
  return plan(actual, desired, scope).map((edit) => describeDifference(edit, actual));
}

/** As {@link describeEdit}, with what stands there in place of it. */
function describeDifference(edit: Edit, actual: Table): string {
  const service = serviceKey(edit.service);
  if (edit.kind === "delete-destination")
    return `virtual server ${service} has a server that is not declared: ${destinationKey(edit.destination)}`;
  const found = foundInstead(edit, findService(actual, service));
  return found === undefined ? describeEdit(edit) : `${describeEdit(edit)}; found: ${found}`;
}

/** The options of what an edit changes, without who it is; undefined: it changes nothing that stands there. */
function foundInstead(edit: Edit, service: Service | undefined): string | undefined {
  if (!service) return undefined;
  if (edit.kind === "edit-service") return optionsOf(renderEdit({ kind: "edit-service", service }), edit);
  if (edit.kind !== "edit-destination") return undefined;
  const key = destinationKey(edit.destination);
  const destination = service.destinations.find((one) => destinationKey(one) === key);
  return destination && optionsOf(renderEdit({ kind: "edit-destination", service, destination }), edit);
}

/** What follows the words that name the entry: from `-s` on, or what comes after `-r SERVER`. */
function optionsOf(line: string, { kind }: Edit): string {
  const words = line.split(" ");
  return words.slice(kind === "edit-service" ? words.indexOf("-s") : words.indexOf("-r") + 2).join(" ");
}

/** What the table lacks that this edit would give it, as a sentence. */
export function describeEdit(edit: Edit): string {
  const service = serviceKey(edit.service);
  switch (edit.kind) {
    case "add-service":
      return `virtual server ${service} is missing`;
    case "delete-service":
      return `virtual server ${service} is still there`;
    default:
      return `virtual server ${service} lacks: ${renderEdit(edit)}`;
  }
}
