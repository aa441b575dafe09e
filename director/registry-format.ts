import { bootRules } from "./boot-rules";
import { canonicalJson } from "./canonical";
import { EMPTY_REGISTRY, type Registration, type Registry } from "./registry";
import { isOwnerLine, isRegistration, isRegistryOfFormat1 } from "./registry-schema";

/**
 * Format 2 of the registry's file: text in lines, sorted by their bytes, fields separated by tabs.
 *
 *     heye registry 2
 *     owner ID <tab> {"label":"..."}
 *     service ID KEY <tab> JSON of the registration <tab> rule <tab> rule ...
 *
 * The first field is the line's identity. The rules are lines for `ipvsadm --restore` that fill an empty table with this
 * virtual server, so that a director can restore itself at boot without anything that reads JSON:
 *
 *     awk -F '\t' '/^service /{ for (i = 3; i <= NF; i++) print $i }' /var/lib/heye/registry | ipvsadm --restore
 *
 * Identities are ASCII, so that every sort agrees on their order.
 */
const HEADER = "heye registry 2";

/** A line and what it stands for are kept together: what has not changed is neither parsed nor rendered again. */
interface Rendered {
  readonly identity: string;
  readonly line: string;
}
const rendered = new WeakMap<Registration, Rendered>();
const parsed = new Map<string, Registration>();
/** Characters remembered at most, for all directors together; the text is the same on each, so one copy serves all. */
const PARSED_MAX = 32 * 1024 * 1024;
let parsedLength = 0;

/** The lines of a registry by their identity, in the file's order; none when nobody owns anything. */
export function registryLines(registry: Registry): Map<string, string> {
  const lines: Rendered[] = [];
  for (const [id, owner] of Object.entries(registry.owners)) {
    const identity = `owner ${escapeId(id)}`;
    lines.push({ identity, line: `${identity}\t${canonicalJson({ label: owner.label })}` });
    for (const [key, registration] of Object.entries(owner.virtualServers)) {
      lines.push(renderRegistration(id, key, registration));
    }
  }
  if (lines.length > 0) lines.push({ identity: HEADER, line: HEADER });
  lines.sort((a, b) => (a.identity < b.identity ? -1 : 1));
  return new Map(lines.map(({ identity, line }) => [identity, line]));
}

/** The file's content, the same for equal registries. Empty when nobody owns anything, and then there is no file. */
export function renderRegistry(registry: Registry): string {
  return joinLines(registryLines(registry).values());
}

/** Lines as a text in which each has its end. */
export function joinLines(lines: Iterable<string>): string {
  const text = [...lines].join("\n");
  return text === "" ? "" : `${text}\n`;
}

/**
 * What takes one registry's lines to another's: `+LINE` puts a line in place of the one of its identity, `-IDENTITY` takes
 * it out. In the order of identities, so that it can be merged in one pass (the director does: script.ts).
 */
export function registryDelta(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const edits: { identity: string; edit: string }[] = [];
  for (const [identity, line] of after) {
    if (before.get(identity) !== line) edits.push({ identity, edit: `+${line}` });
  }
  for (const identity of before.keys()) {
    if (!after.has(identity)) edits.push({ identity, edit: `-${identity}` });
  }
  return edits.sort((a, b) => (a.identity < b.identity ? -1 : 1)).map(({ edit }) => edit);
}

/** The lines with a delta merged into them: what script.ts does on a director, for those who run there. */
export function mergeDelta(
  lines: ReadonlyMap<string, string>,
  delta: readonly string[],
): Map<string, string> {
  const merged = new Map(lines);
  for (const edit of delta) {
    const line = edit.slice(1);
    if (edit.startsWith("+")) merged.set(identityOf(line), line);
    else merged.delete(line);
  }
  return new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Reads the file's content, of this format or of format 1 (one line of JSON).
 *
 * @returns undefined when it is neither
 */
export function parseRegistry(text: string): Registry | undefined {
  if (text.trim() === "") return EMPTY_REGISTRY;
  if (text.startsWith("{")) return parseFormat1(text);
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.shift() !== HEADER) return undefined;
  const owners: Record<string, { label: string; virtualServers: Record<string, Registration> }> = {};
  for (const line of lines) {
    const { kind, id, key } = readIdentity(line);
    const owner = owners[id];
    if (kind === "owner" && !owner) {
      const label = parseLabel(line);
      if (label === undefined) return undefined;
      owners[id] = { label, virtualServers: {} };
    } else if (kind === "service" && owner && owner.virtualServers[key] === undefined) {
      const registration = parseRegistration(line);
      if (!registration) return undefined;
      owner.virtualServers[key] = registration;
    } else return undefined;
  }
  return { owners };
}

function renderRegistration(id: string, key: string, registration: Registration): Rendered {
  const identity = `service ${escapeId(id)} ${key}`;
  const known = rendered.get(registration);
  if (known?.identity === identity) return known;
  const line = [identity, canonicalJson(registration), ...bootRules(registration)].join("\t");
  const made = { identity, line };
  rendered.set(registration, made);
  return made;
}

function parseRegistration(line: string): Registration | undefined {
  const known = parsed.get(line);
  if (known) return known;
  const value = parseJson(line.split("\t", 2)[1] ?? "");
  if (!isRegistration(value)) return undefined;
  if (parsedLength > PARSED_MAX) {
    parsed.clear();
    parsedLength = 0;
  }
  parsedLength += line.length;
  parsed.set(line, value);
  rendered.set(value, { identity: identityOf(line), line });
  return value;
}

function parseLabel(line: string): string | undefined {
  const value = parseJson(line.slice(identityOf(line).length + 1));
  return isOwnerLine(value) ? value.label : undefined;
}

function parseFormat1(text: string): Registry | undefined {
  const value = parseJson(text);
  return isRegistryOfFormat1(value) ? { owners: value.owners } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function identityOf(line: string): string {
  const tab = line.indexOf("\t");
  return tab < 0 ? line : line.slice(0, tab);
}

/** The key of a virtual server may hold blanks; the id before it holds none. */
function readIdentity(line: string): { kind: string; id: string; key: string } {
  const [kind = "", id = "", ...key] = identityOf(line).split(" ");
  return { kind, id: unescapeId(id), key: key.join(" ") };
}

/** Ids come from names that people give: blanks, tabs and what is not ASCII are written as in JSON. */
export function escapeId(id: string): string {
  return JSON.stringify(id)
    .slice(1, -1)
    .replace(/[^!-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function unescapeId(text: string): string {
  const value = parseJson(`"${text}"`);
  return typeof value === "string" ? value : text;
}
