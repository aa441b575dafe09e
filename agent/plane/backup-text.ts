import { parseRegistry, sha256 } from "../../director/data";

/** The first line of a backup; behind it, the registry. At the end it would be the first thing that a cut file lacks. */
const HEADER = /^heye backup 1 ([0-9a-f]{64})\n/;

/** A file is not to be put in the place of what directors share. Nothing was changed. */
export class BackupError extends Error {
  constructor(reason: string) {
    super(`${reason}: it is not restored, and nothing was changed`);
    this.name = "BackupError";
  }
}

/** A registry's text as a backup, which tells whether it is whole. */
export function backupText(registry: string): string {
  return `heye backup 1 ${sha256(registry)}\n${registry}`;
}

/**
 * The registry's text in a file: a backup, or a director's own registry, which does not tell whether it is whole.
 *
 * @throws BackupError
 */
export function readBackup(text: string): string {
  const [header, digest] = HEADER.exec(text) ?? [];
  if (header === undefined) {
    const registry = parseRegistry(text);
    if (!registry)
      throw new BackupError(
        "expected a backup, or a director's registry of format 1 or 2, whole; found a text that is neither",
      );
    const isEmpty = Object.values(registry.owners).every(
      (one) => Object.keys(one.virtualServers).length === 0,
    );
    if (isEmpty) throw new BackupError("expected virtual servers, found none: all that there are would go");
    return text;
  }
  const registry = text.slice(header.length);
  if (sha256(registry) === digest) return registry;
  throw new BackupError("expected a whole backup, found one that was cut or edited: its digest is another");
}
