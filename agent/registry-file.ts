import { parseRegistry, type Registry } from "../director/data";

/** The registry's file is there and cannot be understood: nothing is touched, because nobody knows what is ours. */
export class RegistryError extends Error {
  constructor(head: string) {
    super(
      `the registry in /var/lib/heye is neither of format 1 nor 2 (it begins with ${JSON.stringify(head)}): ` +
        "nothing is touched until it is. A newer package may have written it, or somebody edited it.",
    );
    this.name = "RegistryError";
  }
}

/** Reads a registry's file. Throws RegistryError. */
export function readRegistry(text: string): Registry {
  const registry = parseRegistry(text);
  if (!registry) throw new RegistryError(text.slice(0, 60));
  return registry;
}
