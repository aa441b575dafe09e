/** The faults that the control server can be asked for; each is called as the command that makes it. */
import { NETWORKS } from "../impairment";
import { choiceAt, optionalNumberAt, textAt } from "./arguments";
import type { Verb } from "./control";
import { type Faults, SERVICES } from "./faults";
import { HANG_STAGES } from "./sshd";

type Body = Parameters<Verb>[0];

/** One verb a fault, and one for its end. */
export function faultVerbs(faults: Faults): Readonly<Record<string, Verb>> {
  const node = (body: Body): string => textAt(body, "node");
  const service = (body: Body): (typeof SERVICES)[number] => choiceAt(body, "service", SERVICES);
  return {
    "kill-director": (body) => faults.killDirector(node(body), body.withdraw !== false),
    "restore-director": (body) => faults.restoreDirector(node(body)),
    "reboot-director": (body) => faults.rebootDirector(node(body), body.announce !== false),
    "kill-server": (body) => faults.killServer(node(body)),
    "restore-server": (body) => faults.restoreServer(node(body)),
    "impair-network": (body) => impairNetwork(faults, body),
    "restore-network": (body) => faults.restoreNetwork(node(body), networkAt(body)),
    "hang-ssh": (body) => faults.hangSsh(node(body), choiceAt(body, "stage", HANG_STAGES)),
    "stop-service": (body) => faults.stopService(node(body), service(body)),
    "start-service": (body) => faults.startService(node(body), service(body)),
    "set-health": (body) => faults.setHealth(node(body), choiceAt(body, "status", [200, 503] as const)),
    "mend-all": () => faults.mendAll(),
  };
}

function impairNetwork(faults: Faults, body: Body): void {
  const [delayMs, jitterMs, lossPercent] = (["delayMs", "jitterMs", "lossPercent"] as const).map((field) =>
    optionalNumberAt(body, field),
  );
  faults.impairNetwork(textAt(body, "node"), choiceAt(body, "network", NETWORKS), {
    ...(delayMs !== undefined && { delayMs }),
    ...(jitterMs !== undefined && { jitterMs }),
    ...(lossPercent !== undefined && { lossPercent }),
  });
}

function networkAt(body: Body): (typeof NETWORKS)[number] | undefined {
  return body.network === undefined ? undefined : choiceAt(body, "network", NETWORKS);
}
