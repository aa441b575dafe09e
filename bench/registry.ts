import type { Bench } from "./bench";
import { fleet, fleet254 } from "./cases/fleet";
import { fleetFaults } from "./cases/fleet-faults";
import { oneWeight } from "./cases/one-weight";
import { refreshPreview } from "./cases/refresh-preview";
import { sshLoop } from "./cases/ssh-loop";
import { upInline } from "./cases/up-inline";
import { upSeparate } from "./cases/up-separate";

/** Every benchmark by its name, in the order in which all of them run. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  "up-separate": upSeparate,
  "up-inline": upInline,
  "one-weight": oneWeight,
  "ssh-loop": sshLoop,
  "refresh-preview": refreshPreview,
  fleet,
  "fleet-faults": fleetFaults,
  "fleet-254": fleet254,
};
