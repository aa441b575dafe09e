import { type Edit, glanceDelta, renderEdits, type Table } from "../ipvs";
import type { Registry } from "./registry";
import { joinLines, registryDelta, registryLines } from "./registry-format";
import { sha256 } from "./sha256";
import type { Request } from "./shell";
import { type DirectorState, tableDigest } from "./state";
import { withServices } from "./table-text";

/**
 * Asks for what is not as known.
 *
 * @param limits digest of the thresholds that are known, `-` for none; absent: they are not asked for
 * @param seen the answer that told what is known, where a glance at the table is enough; absent: it is read whole
 */
export function readRequest(known: DirectorState | undefined, limits = "none", seen = "-"): Request {
  const { registry, table } = known?.digests ?? { registry: "-", table: "-" };
  return { words: `read ${registry} ${table} ${limits} ${seen}`, body: "" };
}

/** How a change has the table compared, before it and after it; see script.ts. */
export interface Comparison {
  /** The answer that told the state it was computed from, where a glance at the table is enough. Default: it is read whole. */
  readonly seen?: string | undefined;
}

/** A change as it is sent. */
export function sentAs(request: ChangeRequest, { seen }: Comparison = {}): ChangeRequest {
  const after = seen !== undefined && request.isTold ? "-" : "whole";
  const words = `${request.words} ${Buffer.byteLength(request.body)} ${seen ?? "-"} ${after}`;
  return { ...request, words };
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

/** A change as it travels (see {@link sentAs}), and the state that the director holds when it has gone well. */
export interface ChangeRequest extends Request {
  /** A glance at the table in the end tells all that it changes. */
  readonly isTold: boolean;
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
  const seen = glanceDelta(state.table, wanted.desired, wanted.scope);
  const proofs = {
    during:
      first.length === 0 ? "-" : second.length === 0 ? digests.registry : sha256(joinLines(during.values())),
    after: second.length === 0 ? "-" : after.size === 0 ? "none" : digests.registry,
    rules: rules === "" ? "-" : sha256(rules),
  };
  const known = [state.digests.registry, state.digests.table];
  const body = [
    `k ${[...known, proofs.during, proofs.after, proofs.rules, digests.table].join(" ")}\n`,
    marked("r", rules.split("\n").slice(0, -1)),
    marked("d", first),
    marked("a", second),
    marked("g", seen?.gone ?? []),
    marked("n", seen?.come ?? []),
    "complete\n",
  ].join("");
  const written = [proofs.during, proofs.after, proofs.rules].map((one) => (one.length > 4 ? "new" : one));
  const words = ["change", ...written, state.canonical ? "delta" : "whole"].join(" ");
  const predicted = { ...text, kernel: state.kernel, registry: wanted.after, digests, canonical: true };
  return { words, body, isTold: seen !== undefined, predicted, wanted };
}

function marked(mark: string, lines: readonly string[]): string {
  return lines.map((line) => `${mark}${line}\n`).join("");
}
