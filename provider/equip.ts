import { CoexistenceError, type Director, findRivals, installMissing, type RivalSign } from "../director";
import type { Cluster } from "../spec";
import { RolloutError } from "./errors";
import { ask, skipping } from "./reach";

/** What of a cluster decides about installing on its directors. */
type Wanted = Pick<Cluster, "install" | "coexist" | "unreachable">;

/**
 * Installs what directors lack, where the cluster asks for it, and says what. Nothing is installed anywhere where any
 * director has another program that manages IPVS: such a cluster is refused.
 *
 * @throws RolloutError
 */
export async function equip(directors: readonly Director[], wanted: Wanted): Promise<void> {
  if (!wanted.install) return;
  const mayLack = skipping(wanted.unreachable);
  const look = async (director: Director) => refuseRivals(director, await findRivals(director), wanted);
  const { reached, causes, total } = await ask(directors, look, mayLack);
  if (causes.length > 0) throw new RolloutError(causes, total, "Nothing was installed on any director.");
  const installed = await ask([...reached.keys()], installMissing, mayLack);
  for (const [director, packages] of installed.reached) {
    if (packages.length > 0) console.error(`director ${director.name}: installed ${packages.join(", ")}`);
  }
  if (installed.causes.length > 0)
    throw new RolloutError(installed.causes, installed.total, "No setting was changed on any director.");
}

/** @throws CoexistenceError */
export function refuseRivals(
  director: Director,
  rivals: readonly RivalSign[],
  { coexist }: Pick<Wanted, "coexist">,
): void {
  for (const { rival, evidence } of rivals) {
    if (!coexist?.includes(rival)) throw new CoexistenceError(director.name, rival, evidence);
  }
}
