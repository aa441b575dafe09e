import type { Bench } from "./bench";
import { agentErrors } from "./cases/agent-errors";
import { agentStart } from "./cases/agent-start";
import { apiLoad } from "./cases/api";
import { apiTraffic } from "./cases/api-traffic";
import { checkRate } from "./cases/check-rate";
import { detection } from "./cases/detection";
import { fleet, fleet254 } from "./cases/fleet";
import { fleetFaults } from "./cases/fleet-faults";
import { kubeProxy } from "./cases/kube-proxy";
import { kubernetes } from "./cases/kubernetes";
import { oneWeight } from "./cases/one-weight";
import { plane } from "./cases/plane";
import { refreshPreview } from "./cases/refresh-preview";
import { sshLoop } from "./cases/ssh-loop";
import { upInline } from "./cases/up-inline";
import { upParallel, upSeparate } from "./cases/up-separate";

/** Every benchmark by its name, in the order in which all of them run. */
export const BENCHES: Readonly<Record<string, Bench>> = {
  "up-separate": upSeparate,
  "up-parallel": upParallel,
  "up-inline": upInline,
  "one-weight": oneWeight,
  "ssh-loop": sshLoop,
  "refresh-preview": refreshPreview,
  fleet,
  "fleet-faults": fleetFaults,
  "fleet-254": fleet254,
  detection,
  "agent-start": agentStart,
  "agent-errors": agentErrors,
  "check-rate": checkRate,
  api: apiLoad,
  "api-traffic": apiTraffic,
  plane,
  kubernetes,
  "kube-proxy": kubeProxy,
};
