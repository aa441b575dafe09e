import { serviceKey, type Table } from "./model";
import { type Edit, plan } from "./plan";
import { renderEdit } from "./render";

/**
 * What keeps `actual` from being `desired` within `scope`, one sentence for each difference, for people to read.
 * Empty when they agree.
 */
export function differences(actual: Table, desired: Table, scope: ReadonlySet<string>): string[] {
  return plan(actual, desired, scope).map(describeEdit);
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
