import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DirectorArgs } from "pulumi-heye";
import type { Inventory } from "../../lab/inventory";

/** Name of the quickstart's lab; `heye lab status quickstart` shows it. A test has one of its own. */
export const LAB = process.env.HEYE_LAB ?? "quickstart";

/** What the lab that stands in for your datacenter is made of, as `heye lab up` wrote it down. */
export function readInventory(): Inventory {
  const path = join(__dirname, "..", "..", ".heye", "labs", LAB, "inventory.json");
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Inventory;
  } catch (error) {
    throw new Error(`The lab is not up (${error}). Bring it up: npm run quickstart`);
  }
}

/** The lab's directors as a Cluster takes them. */
export function directorsOf({ directors }: Inventory): DirectorArgs[] {
  return directors.map(({ name, host, port, user, privateKey, hostKey }) => ({
    name,
    connection: { host, port, user, privateKey, hostKey },
  }));
}
