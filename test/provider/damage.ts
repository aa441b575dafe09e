import * as fc from "fast-check";
import type { Inputs } from "./inputs";

/** A change to some place in inputs: how people and programs get them wrong. */
interface Damage {
  readonly kind: "replace" | "remove" | "add" | "wrap" | "stringify" | "double";
  /** Which place, counted over all of them. */
  readonly at: number;
  readonly value: unknown;
  readonly key: string;
}

const wild: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    "",
    " ",
    -1,
    0,
    0.5,
    65_536,
    2 ** 32,
    1e308,
    [],
    {},
    [[]],
    [null],
  ),
  fc.constantFrom(
    "none",
    "::ffff:1.2.3.4",
    "10.0.0.256",
    "fe80::1",
    "224.0.0.1",
    "127.0.0.1",
    "::",
    "0.0.0.0",
  ),
  fc.constantFrom(
    "rr",
    "mh-port",
    "$(reboot)",
    "a\nb",
    "x".repeat(5_000),
    "\0",
    "\ud800",
    "__proto__",
    "80",
    "([",
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: "binary" }),
  fc.integer(),
);

const damages: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("replace", "replace", "replace", "remove", "add", "wrap", "stringify", "double"),
  at: fc.nat({ max: 10_000 }),
  value: wild,
  key: fc.oneof(
    fc.constantFrom(
      "__proto__",
      "constructor",
      "toString",
      "weight",
      "port",
      "type",
      "tunnel",
      "fwmark",
      "x y",
    ),
    fc.string({ maxLength: 8 }),
  ),
});

/**
 * Inputs with up to so many faults; none at all in a third of the cases or so.
 *
 * @param others values to put in as well, such as Pulumi's marker of what is not known yet
 */
export function damaged(good: fc.Arbitrary<Inputs>, others: readonly unknown[] = []): fc.Arbitrary<Inputs> {
  const values = others.length === 0 ? wild : fc.oneof(wild, fc.constantFrom(...others));
  const any = fc.tuple(damages, values).map(([one, value]): Damage => ({ ...one, value }));
  return fc.tuple(good, fc.array(any, { maxLength: 3 })).map(([inputs, list]) => list.reduce(damage, inputs));
}

/** Inputs with one place after another replaced by a value. */
export function replacing(good: fc.Arbitrary<Inputs>, value: unknown): fc.Arbitrary<Inputs> {
  const places = fc.array(fc.nat({ max: 10_000 }), { minLength: 1, maxLength: 4 });
  return fc
    .tuple(good, places)
    .map(([inputs, list]) =>
      list.reduce((now, at) => damage(now, { kind: "replace", at, value, key: "" }), inputs),
    );
}

function damage(inputs: Inputs, how: Damage): Inputs {
  const copy = structuredClone(inputs);
  const places = placesOf(copy);
  const place = places[how.at % places.length];
  if (place) change(place, how);
  return copy;
}

interface Place {
  readonly owner: Record<string, unknown>;
  readonly key: string;
}

/** Every property and every element, outermost first; the name that Pulumi gives a resource is always there. */
function placesOf(owner: unknown): Place[] {
  if (typeof owner !== "object" || owner === null) return [];
  const record = owner as Record<string, unknown>;
  const own = Object.keys(record)
    .filter((key) => key !== "name" || Array.isArray(owner) || !("label" in record || "cluster" in record))
    .map((key): Place => ({ owner: record, key }));
  return [...own, ...own.flatMap(({ key }) => placesOf(record[key]))];
}

function change({ owner, key }: Place, { kind, value, key: other }: Damage): void {
  const old = owner[key];
  if (kind === "remove") {
    if (Array.isArray(owner)) owner.splice(Number(key), 1);
    else delete owner[key];
  } else if (kind === "add") put(Array.isArray(owner) ? old : owner, other, value);
  else if (kind === "wrap") owner[key] = [old];
  else if (kind === "double") {
    if (Array.isArray(owner)) owner.push(old);
    else owner[key] = Array.isArray(old) ? [...old, ...old] : old;
  } else if (kind === "stringify") owner[key] = typeof old === "object" ? JSON.stringify(old) : old;
  else owner[key] = value;
}

function put(target: unknown, key: string, value: unknown): void {
  if (typeof target !== "object" || target === null || Array.isArray(target)) return;
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
