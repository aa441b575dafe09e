import { parseRegistry, type Registry } from "../director/data";

/** The registry's file is there and cannot be understood: nothing is touched, because nobody knows what is ours. */
export class RegistryError extends Error {
  /** @param head what it begins with; undefined: that says nothing */
  constructor(head: string | undefined) {
    const begins = head === undefined ? "" : ` (it begins with ${JSON.stringify(head)})`;
    super(
      `the registry in /var/lib/heye is neither of format 1 nor 2${begins}: ` +
        "nothing is touched until it is. A newer package may have written it, or somebody edited it.",
    );
    this.name = "RegistryError";
  }
}

/** Reads a registry's file. Throws RegistryError. */
export function readRegistry(text: string): Registry {
  const registry = parseRegistry(text);
  // Nothing but a version is shown: checks stand in it with their passwords.
  if (!registry) throw new RegistryError(/^heye registry \d{1,9}(?=\n)/.exec(text)?.[0]);
  return registry;
}
