/** Whether a value is an object that is no list. Apart from all else, because programs load it too. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
