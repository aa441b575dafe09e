import { X509Certificate } from "node:crypto";
import * as z from "zod";

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * Schema of one or more certificates in PEM format. Normal form: the blocks alone, in the given order, so that comments
 * and line ends are no difference. What is refused is never shown: it may be a private key.
 */
export const certificates = z
  .string({ error: "expected certificates in PEM format as text" })
  .refine((text) => certificatesFault(text) === undefined, {
    error: ({ input }) => certificatesFault(String(input)),
  })
  .transform((text) => blocksOf(text).join(""));

function certificatesFault(text: string): string | undefined {
  const kinds = [...text.matchAll(BLOCK)].map(([, kind]) => kind);
  if (kinds.length === 0) {
    return "expected certificates in PEM format (-----BEGIN CERTIFICATE-----), found none";
  }
  const other = kinds.find((kind) => kind !== "CERTIFICATE");
  if (other !== undefined) return `expected certificates alone, found a block of the kind ${other}`;
  const bad = blocksOf(text).indexOf(undefined);
  return bad === -1 ? undefined : `expected certificates, found that number ${bad + 1} cannot be read`;
}

/** Every block as the library writes it; undefined where it cannot be read. */
function blocksOf(text: string): (string | undefined)[] {
  return [...text.matchAll(BLOCK)].map(([block]) => {
    try {
      return new X509Certificate(block).toString();
    } catch {
      return undefined;
    }
  });
}
