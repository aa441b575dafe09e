/** What each fault does to a lab, and how it is mended: of directors and their agents here, of servers and etcd beside it. */
import { emptyDisk, fillDisk } from "../lab/full-disk";
import { writeBesides, writeTogether } from "./besides";
import { type ChaosCluster, COMMAND } from "./cluster";
import { killedAt, losesPower } from "./deaths";
import { strikeEtcd } from "./etcd-faults";
import { ENDING_AGENTS, ETCD_FAULTS, type EtcdFault, type Fault, type Step } from "./schedule";
import { deadAtBoot, flap, strikeServers } from "./server-faults";
import { ServiceWriters } from "./service-writers";
import { harmless, KILL, type Struck } from "./struck";

/** Lets a fault strike. */
export async function strike(chaos: ChaosCluster, step: Step): Promise<Struck> {
  const director = `d${step.director + 1}`;
  const server = `rs${step.server + 1}`;
  const { site } = chaos;
  const { fault } = site.lab;
  const shell = (script: string) => site.on(director, "sh", "-c", script);
  switch (step.fault) {
    case "none":
      return harmless(Promise.resolve());
    case "two writers":
      return harmless(writeBesides(chaos));
    case "two writers of one service":
      return ofOneService(chaos, director);
    case "kill agent":
      return harmless(shell(KILL));
    case "kill agent again and again":
      return harmless(shell(`for pause in 0.3 0.9 0.2 1.3 0.5 0.1; do ${KILL}; sleep $pause; done`));
    case "killed at a point":
      return killedAt(chaos, director, step.point);
    case "power lost":
      return losesPower(chaos, director);
    case "reboot director":
      return harmless(fault.rebootDirector(director));
    case "disk full":
      await fillDisk(site, director);
      return { ...harmless(Promise.resolve()), mend: () => emptyDisk(site, director) };
    case "clock forward":
      return clock(chaos, shell, 3_600);
    case "clock back":
      return clock(chaos, shell, -3_600);
    case "table wiped":
      return harmless(shell("ipvsadm -C"));
    case "weight edited":
      return weightEdited(chaos, director, server);
    case "second agent":
      return harmless(refused(chaos, director, ENDING_AGENTS.includes(step.operation)));
    case "server flaps":
      return harmless(flap(chaos, server));
    case "server dead at boot":
      return deadAtBoot(chaos, director, server);
    default:
      return isOfEtcd(step.fault)
        ? strikeEtcd(chaos, step.fault, step)
        : strikeServers(chaos, step.fault, server);
  }
}

function isOfEtcd(fault: Fault): fault is EtcdFault {
  return ETCD_FAULTS.some((one) => one === fault);
}

async function ignoring(work: Promise<unknown>): Promise<void> {
  await work;
}

/** Not where the server is in no pool. */
async function weightEdited({ site }: ChaosCluster, director: string, server: string): Promise<Struck> {
  const rule = ["-t", "192.0.2.10:80", "-r", `${site.address(server)}:80`, "-g", "-w", "77"];
  const { code } = await site.lab.exec(director, ["ipvsadm", "-e", ...rule]);
  return { ...harmless(Promise.resolve()), isMade: async () => code === 0 };
}

/** Both by an agent's API, and by two programs that know nothing of each other. */
function ofOneService(chaos: ChaosCluster, director: string): Struck {
  const writers = new ServiceWriters(chaos, director);
  return {
    ...harmless(Promise.all([writers.write(), writeTogether(chaos)])),
    expectAfterwards: () => writers.expectKept(),
  };
}

async function clock(
  { site }: ChaosCluster,
  shell: (script: string) => Promise<string>,
  seconds: number,
): Promise<Struck> {
  // In namespaces it would be this machine's clock.
  if (site.lab.inventory.mode !== "guest")
    return { ...harmless(Promise.resolve()), isMade: async () => false };
  const move = (by: number) => shell(`date -s "@$(($(date +%s) + ${by}))" >/dev/null`);
  await move(seconds);
  return { ...harmless(Promise.resolve()), mend: () => ignoring(move(-seconds)) };
}

/**
 * Somebody starts another agent by hand: it has to end by itself, and leave the first one's work alone.
 *
 * @param mayStay the first one is being ended just then, and this one may be the first for a while
 */
async function refused({ site }: ChaosCluster, director: string, mayStay: boolean): Promise<void> {
  const { code, stdout, stderr } = await site.lab.exec(director, ["timeout", "20", COMMAND, "run"]);
  if (code !== 1 && !mayStay)
    throw new Error(`a second agent on ${director} ended with ${code}: ${stdout}${stderr}`);
}
