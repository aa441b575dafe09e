import { stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { packageLayer } from "./packages";

/** A browser for tests, and what has to be in its environment. */
export interface Browser {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Names under which distributions and Google install it. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/**
 * Chromium, for tests of the status page: that of PATH; else the distribution's, unpacked in the cache and not installed.
 *
 * @throws DistributionUnsupported, PackagesUnavailable where there is no package of it
 */
export async function chromium(): Promise<Browser> {
  for (const folder of (process.env.PATH ?? "").split(delimiter))
    for (const name of NAMES)
      if (folder !== "" && (await isFile(join(folder, name))))
        return { program: join(folder, name), env: {} };
  const { layer } = await packageLayer("Chromium, for tests of the status page,", ["chromium"]);
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const libraries = join(layer, "usr", "lib", triplet);
  return {
    // The program itself: /usr/bin/chromium is a script that looks for it under /usr.
    program: join(layer, "usr", "lib", "chromium", "chromium"),
    env: { LD_LIBRARY_PATH: [libraries, join(libraries, "pulseaudio")].join(delimiter) },
  };
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
