/** Reads JSON that somebody else may have written. undefined: it is none; a schema says what is wrong then. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
