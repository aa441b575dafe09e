import { deflateRawSync, inflateRawSync } from "node:zlib";

/**
 * A value of plain JSON as one short text. Pulumi's SDK and engine treat every leaf of a secret object by itself, and keep it
 * in each resource that has it; a text is one leaf. It hides nothing: whatever keeps it has to keep it secret.
 */
export function seal(value: unknown): string {
  return deflateRawSync(JSON.stringify(value)).toString("base64");
}

/**
 * The value of a sealed text.
 *
 * @throws Error when it is not one
 */
export function unseal(text: string): unknown {
  return JSON.parse(inflateRawSync(Buffer.from(text, "base64")).toString("utf8"));
}
