/** The mistake that is planted in the agent that this is a part of: one of test/unit/agent-plants.ts, or none. */
import { deleteBeforeAdd, PLANTS } from "../../unit/agent-plants";
import type { Plant } from "../../unit/agent-walk";

/** Between what is deleted and what is added then: real requests have to meet it, and the kernel is quick. */
const PAUSE_MS = 1_500;

const name = process.env.HEYE_CHAOS_PLANT ?? "";

/** Said by who stands for the file system. */
export const forgetsToSync = name === "does not wait for the disk";

/** What stands around the agent's parts. */
export const plant: Plant = planted();

function planted(): Plant {
  if (name === "" || forgetsToSync) return {};
  if (name === "deletes before it adds") return deleteBeforeAdd(PAUSE_MS);
  const made = PLANTS[name];
  if (!made) throw new Error(`HEYE_CHAOS_PLANT: there is no ${name}`);
  return made();
}
