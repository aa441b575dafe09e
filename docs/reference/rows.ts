import { handlerFor, type ResourceKind } from "../../provider";
import type { Declarations, Member } from "./declarations";
import type { Section } from "./sections";
import { describeType, inputOf, literal, type Value, valueAt } from "./values";

/** One argument as the page shows it. */
export interface Row {
  readonly name: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/**
 * The arguments of a section. What a comment of the SDK says of a default is held against the specification's, and
 * the names of both against each other.
 *
 * @param headed names of types that have a heading to link to
 */
export function rowsOf(section: Section, declarations: Declarations, headed: ReadonlySet<string>): Row[] {
  const { type, schema, path = [], apart = [] } = section;
  const value = schema && valueAt(inputOf(schema), path);
  return declarations.members(type, apart).map((member) => rowOf(section, member, value, headed));
}

function rowOf(
  { type: of, kind, otherwise = "none" }: Section,
  member: Member,
  value: Value | undefined,
  headed: ReadonlySet<string>,
): Row {
  const { name } = member;
  const known = value?.properties?.[name];
  const { text, fallback } = splitDefault(member.text);
  const declared = known?.default === undefined ? undefined : literal(known.default);
  if (declared !== undefined && fallback !== undefined && !isSame(fallback, declared)) {
    throw new Error(
      `${of}.${name}: expected the comment to say that the default is ${declared}, found "${fallback}"`,
    );
  }
  const isRequired = !member.isOptional || value?.required?.includes(name) === true;
  return {
    name,
    type: typeText(member, known, headed),
    fallback: isRequired ? "required" : (fallback ?? declared ?? otherwise),
    meaning:
      `${text || (known?.const === undefined ? sentence(known?.description ?? "") : TELLS_APART)} ${kind ? consequence(kind, name) : ""}`.trim(),
  };
}

/**
 * The arguments of a kind of check whose type the SDK makes of the specification.
 *
 * @param without names of properties that stand elsewhere
 */
export function specifiedRows(
  { properties = {}, required = [] }: Value,
  without: ReadonlySet<string>,
): Row[] {
  return Object.entries(properties)
    .filter(([name]) => !without.has(name))
    .map(([name, known]) => ({
      name,
      type: describeType(known) ?? "object",
      fallback: required.includes(name) ? "required" : specifiedDefault(known),
      meaning: known.const === undefined ? sentence(known.description ?? "") : TELLS_APART,
    }));
}

function specifiedDefault(known: Value): string {
  if (known.default !== undefined) return literal(known.default);
  return /; default:? (.*)$/.exec(known.description ?? "")?.[1] ?? "none";
}

/** What a type is for a reader: a link where it has a section, else what the specification says of it. */
function typeText({ type }: Member, known: Value | undefined, headed: ReadonlySet<string>): string {
  const named = [...headed].filter((name) => new RegExp(`\\b${name}\\b`).test(type));
  if (named.length > 0) {
    const links = named.map((name) => `[${name}](#${name.toLowerCase()})`).join(" or ");
    return type.endsWith("[]") ? `list of ${links}` : links;
  }
  if (/^"\w+"$/.test(type)) return literal(type.slice(1, -1));
  return (known && describeType(known)) ?? PLAIN[type] ?? `\`${type}\``.replaceAll("|", "\\|");
}

/** Of properties that tell variants apart, and have no comment because their value says all. */
const TELLS_APART = "Says which kind it is.";

const PLAIN: Readonly<Record<string, string>> = { string: "text", boolean: "true or false" };

/** "Port. Default 22." is "Port." and "22". A default that is said in the middle of a sentence stays there. */
export function splitDefault(text: string): { text: string; fallback?: string } {
  const found = /(?:^| )Default:? (.+?)\.(?= [A-Z`]|$)/.exec(text);
  if (!found) return { text };
  const rest = `${text.slice(0, found.index)}${text.slice(found.index + found[0].length)}`.trim();
  const said = found[1] ?? "";
  return { text: rest, fallback: said.replace(/^(-?\d+|true|false)\b/, "`$1`") };
}

function isSame(said: string, declared: string): boolean {
  const bare = (word: string) => word.replaceAll("`", "");
  return (
    bare(said) === bare(declared) ||
    new RegExp(`^${bare(declared).replace(/[^\w]/g, "\\$&")}\\b`).test(bare(said))
  );
}

function sentence(words: string): string {
  const text = words.replace(/; default:? .*$/, "");
  return text === "" ? "" : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** What a change of one argument does, asked of the handler that will have to do it. */
export function consequence(kind: ResourceKind, name: string): string {
  const handler = handlerFor(kind);
  const handle = (id: string) => ({ id, directors: [] });
  // A state without a handle shows a change in any case.
  const having = (id: string) => ({ cluster: handle("same"), [name]: handle(id) });
  const { changes, replaces } = handler.diff(having("before"), having("after"));
  if (replaces.includes(name)) return "*A change replaces.*";
  return changes ? "" : "*A change alone does nothing.*";
}
