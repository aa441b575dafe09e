/** What is asked of a cluster, or done to its agents in order. */
import { agentPid, answers } from "./agents";
import { type ChaosCluster, COMMAND, type Declared } from "./cluster";
import { SERVERS, type Step } from "./schedule";

/** What is declared after a step. */
export function wantedOf(declared: Declared, { operation, server, weights }: Step): Declared {
  const name = `rs${server + 1}`;
  const weightOf = (one: string) => weights[Number(one.slice(2)) - 1] ?? 1;
  if (operation === "weights")
    return { ...declared, web: new Map([...declared.web.keys()].map((one) => [one, weightOf(one)])) };
  if (operation === "pool") {
    const others = [...declared.web].filter(([one]) => one !== name);
    const web =
      declared.web.has(name) && others.length > 0 ? others : [...others, [name, weightOf(name)] as const];
    return { ...declared, web: new Map(web) };
  }
  if (operation === "create") {
    const names = Array.from({ length: SERVERS }, (_, index) => `rs${index + 1}`);
    return { ...declared, side: new Map(names.map((one) => [one, weightOf(one)])) };
  }
  return operation === "delete" ? { ...declared, side: undefined } : declared;
}

/** Makes a step's operation. It may be made again where it failed. */
export async function operate(chaos: ChaosCluster, step: Step, wanted: Declared): Promise<void> {
  switch (step.operation) {
    case "nothing":
      return;
    case "drain":
      return drain(chaos, `rs${step.server + 1}`, wanted);
    case "restart agents":
      return restartAgents(chaos);
    case "upgrade agents":
      return upgradeAgents(chaos);
    case "drain over restart":
      await drainByHand(chaos, drainedBy(step, wanted), "drain");
      return restartAgents(chaos);
    case "turn mode":
      await chaos.apply({ ...wanted, mode: "ssh" });
      return chaos.apply(wanted);
    default:
      return chaos.apply(wanted);
  }
}

/** What an operation leaves to be seen when its fault is over, and to be taken back. */
export async function expectOperated(chaos: ChaosCluster, step: Step, wanted: Declared): Promise<void> {
  if (step.operation !== "drain over restart") return;
  const server = drainedBy(step, wanted);
  await chaos.expectOut(new Set([server]));
  await drainByHand(chaos, server, "undrain");
}

/** Another one than the step's server, which may be dead, where there is another one. */
function drainedBy({ server }: Step, { web }: Declared): string {
  const others = [...web.keys()].filter((name) => name !== `rs${server + 1}`);
  return others[0] ?? `rs${server + 1}`;
}

/** On every director, as an operator does it. */
async function drainByHand(
  { site }: ChaosCluster,
  server: string,
  command: "drain" | "undrain",
): Promise<void> {
  for (const director of site.directorNames)
    await site.on(director, COMMAND, command, `${site.address(server)}:80`);
}

/** Takes a server out, its connections ending first, and puts it back. */
async function drain(chaos: ChaosCluster, server: string, wanted: Declared): Promise<void> {
  const others = [...wanted.web].filter(([one]) => one !== server);
  if (others.length > 0) await chaos.apply({ ...wanted, web: new Map(others) });
  await chaos.apply(wanted);
}

/** One after the other, each when the one before it answers again. */
async function restartAgents({ site }: ChaosCluster): Promise<void> {
  for (const director of site.directorNames) {
    const pid = await agentPid(site, director);
    if (pid !== "") await site.lab.exec(director, ["kill", "-TERM", pid]);
    await answers(site, director, pid);
  }
}

/** As when a package with another agent is used: what runs is taken for an older one. */
async function upgradeAgents(chaos: ChaosCluster): Promise<void> {
  const ready = "/run/heye/agent.ready";
  const asOld = `read -r pid version <${ready} && echo "$pid 0.0.1+old" >${ready} || :`;
  for (const director of chaos.site.directorNames) await chaos.site.on(director, "sh", "-c", asOld);
  await chaos.settleAgents();
}
