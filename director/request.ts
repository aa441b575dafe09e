import { type Edit, renderEdits, type Table } from "../ipvs";
import type { Registry } from "./registry";
import { joinLines, registryDelta, registryLines } from "./registry-format";
import { sha256 } from "./sha256";
import type { Request } from "./shell";
import { type DirectorState, tableDigest } from "./state";
import { withServices } from "./table-text";

/** Asks for what is not as known. */
export function readRequest(known: DirectorState | undefined): Request {
  const { registry, table } = known?.digests ?? { registry: "-", table: "-" };
  return { words: `read ${registry} ${table}`, body: "" };
}

/** What a change is to make of a director's state. */
export interface Wanted {
  /** What is owned while the kernel is edited, and afterwards. */
  readonly during: Registry;
  readonly after: Registry;
  readonly edits: readonly Edit[];
  /** The services in `scope` as the edits leave them. */
  readonly desired: Table;
  readonly scope: ReadonlySet<string>;
}

/** A change as it travels, and the state that the director holds when it has gone well. */
export interface ChangeRequest extends Request {
  readonly predicted: DirectorState;
  readonly wanted: Wanted;
}

/** A change of a state as a request; undefined when there is nothing to do. Lines that stay as they are do not travel. */
export function changeRequest(state: DirectorState, wanted: Wanted): ChangeRequest | undefined {
  const before = registryLines(state.registry);
  const during = registryLines(wanted.during);
  const after = registryLines(wanted.after);
  if (wanted.edits.length === 0 && registryDelta(before, after).length === 0) return undefined;
  const base = state.canonical ? before : new Map<string, string>();
  const first = registryDelta(base, during);
  const second = registryDelta(during, after).length === 0 ? [] : registryDelta(base, after);
  const rules = renderEdits(wanted.edits);
  const text = withServices(state, wanted.desired, wanted.scope);
  const digests = { registry: sha256(joinLines(after.values())), table: tableDigest(text.lines) };
  const body = `${marked("r", rules.split("\n").slice(0, -1))}${marked("d", first)}${marked("a", second)}complete\n`;
  const words = [
    "change",
    state.digests.registry,
    state.digests.table,
    first.length === 0 ? "-" : second.length === 0 ? digests.registry : sha256(joinLines(during.values())),
    second.length === 0 ? "-" : after.size === 0 ? "none" : digests.registry,
    rules === "" ? "-" : sha256(rules),
    state.canonical ? "delta" : "whole",
    digests.table,
    Buffer.byteLength(body),
  ].join(" ");
  const predicted = { ...text, kernel: state.kernel, registry: wanted.after, digests, canonical: true };
  return { words, body, predicted, wanted };
}

function marked(mark: string, lines: readonly string[]): string {
  return lines.map((line) => `${mark}${line}\n`).join("");
}
