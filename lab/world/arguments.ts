/** Reads the JSON bodies of control requests; every error names the field. */

/** A required text. */
export function textAt(body: Readonly<Record<string, unknown>>, field: string): string {
  const value = body[field];
  if (typeof value !== "string") throw new Error(`${field}: expected a text, found ${JSON.stringify(value)}`);
  return value;
}

/** One of a few texts or numbers. */
export function choiceAt<T extends string | number>(
  body: Readonly<Record<string, unknown>>,
  field: string,
  choices: readonly T[],
): T {
  const value = body[field];
  const choice = choices.find((known) => known === value);
  if (choice === undefined)
    throw new Error(`${field}: expected one of ${choices.join(", ")}, found ${JSON.stringify(value)}`);
  return choice;
}

/** A list of texts. */
export function textsAt(body: Readonly<Record<string, unknown>>, field: string): string[] {
  const value = body[field];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new Error(`${field}: expected a list of texts, found ${JSON.stringify(value)}`);
}

/** A number, or undefined when the field is missing. */
export function optionalNumberAt(body: Readonly<Record<string, unknown>>, field: string): number | undefined {
  const value = body[field];
  if (value === undefined || typeof value === "number") return value;
  throw new Error(`${field}: expected a number, found ${JSON.stringify(value)}`);
}

/** A required number. */
export function numberAt(body: Readonly<Record<string, unknown>>, field: string): number {
  const value = optionalNumberAt(body, field);
  if (value === undefined) throw new Error(`${field}: expected a number, found none`);
  return value;
}

/** A text, or undefined when the field is missing. */
export function optionalTextAt(body: Readonly<Record<string, unknown>>, field: string): string | undefined {
  return body[field] === undefined ? undefined : textAt(body, field);
}
