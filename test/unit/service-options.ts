import type { ServiceOptions } from "../../ipvs";

/**
 * The inverse of `serviceExtra`, for models that have to know what a service's options mean. Options of which this
 * project sets none are passed over.
 */
export function readServiceExtra(extra: string, bits: number): ServiceOptions {
  const words = wordsOf(extra);
  const timeoutS = numberAfter(words, "-p");
  const engine = after(words, "--pe");
  const flags = after(words, "-b")?.split(",");
  return {
    ...(timeoutS !== undefined && {
      persistence: {
        timeoutS,
        prefixLength: prefixLength(after(words, "-M"), bits),
        ...(engine !== undefined && { engine }),
      },
    }),
    ...(words.includes("-o") && { onePacket: true }),
    ...(flags && { flags }),
  };
}

function wordsOf(extra: string): string[] {
  return extra === "" ? [] : extra.split(" ");
}

function after(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return at === -1 ? undefined : words[at + 1];
}

function numberAfter(words: readonly string[], option: string): number | undefined {
  const word = after(words, option);
  return word !== undefined && /^[0-9]+$/.test(word) ? Number(word) : undefined;
}

function prefixLength(mask: string | undefined, bits: number): number {
  if (mask === undefined) return bits;
  if (bits !== 32) return Number(mask);
  const value = mask.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0) >>> 0;
  return 32 - Math.log2(2 ** 32 - value);
}
