/** What each fault does to a lab, and how it is mended. */
import { setTimeout as delay } from "node:timers/promises";
import { emptyDisk, fillDisk } from "../lab/full-disk";
import { type ChaosCluster, COMMAND } from "./cluster";
import { strikeEtcd } from "./etcd-faults";
import { ETCD_FAULTS, type EtcdFault, type Fault, SERVERS, type Step } from "./schedule";
import { harmless, KILL, type Struck } from "./struck";

/** How long a server flaps. */
const FLAPS_MS = 4_000;

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
      return harmless(chaos.writeBesides());
    case "kill agent":
      return harmless(shell(KILL));
    case "kill agent again and again":
      return harmless(shell(`for pause in 0.3 0.9 0.2 1.3 0.5 0.1; do ${KILL}; sleep $pause; done`));
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
      return harmless(shell(`ipvsadm -e -t 192.0.2.10:80 -r ${site.address(server)}:80 -g -w 77 || :`));
    case "second agent":
      return harmless(refused(chaos, director));
    case "server flaps":
      return harmless(flap(chaos, server));
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

async function clock(
  { site }: ChaosCluster,
  shell: (script: string) => Promise<string>,
  seconds: number,
): Promise<Struck> {
  // In namespaces it would be this machine's clock.
  if (site.lab.inventory.mode !== "guest") return harmless(Promise.resolve());
  const move = (by: number) => shell(`date -s "@$(($(date +%s) + ${by}))" >/dev/null`);
  await move(seconds);
  return { ...harmless(Promise.resolve()), mend: () => ignoring(move(-seconds)) };
}

/** Somebody starts another agent by hand: it has to end by itself, and leave the first one's work alone. */
async function refused({ site }: ChaosCluster, director: string): Promise<void> {
  const { code, stdout, stderr } = await site.lab.exec(director, ["timeout", "20", COMMAND, "run"]);
  if (code !== 1) throw new Error(`a second agent on ${director} ended with ${code}: ${stdout}${stderr}`);
}

async function flap({ site }: ChaosCluster, server: string): Promise<void> {
  const end = Date.now() + FLAPS_MS;
  while (Date.now() < end) {
    await site.lab.fault.stopService(server, "http");
    await delay(1_000);
    await site.lab.fault.startService(server, "http");
    await delay(1_000);
  }
}

async function strikeServers(chaos: ChaosCluster, fault: Fault, server: string): Promise<Struck> {
  const { lab } = chaos.site;
  const all = Array.from({ length: SERVERS }, (_, index) => `rs${index + 1}`);
  const dead =
    fault === "all dead" ? all : fault === "half dead" ? all.slice(0, Math.ceil(SERVERS / 2)) : [server];
  const manner = MANNERS[fault];
  if (fault === "server silent") {
    await lab.fault.killServer(server);
    return {
      ...harmless(Promise.resolve()),
      dead: new Set(dead),
      mend: () => lab.fault.restoreServer(server),
    };
  }
  await Promise.all(dead.map((one) => lab.fault.stopService(one, "http")));
  const standIn = manner === undefined ? undefined : await standInFor(chaos, server, manner);
  return {
    done: Promise.resolve(),
    dead: new Set(dead),
    mend: async () => {
      await standIn?.();
      await Promise.all(dead.map((one) => lab.fault.startService(one, "http")));
    },
  };
}

/** Ways in which a server can fail that the lab's own servers do not have. */
const MANNERS: Partial<Record<Fault, string>> = {
  "server never answers": "never",
  "server resets": "reset",
  "server slow": "slow",
};

/** Listens in place of a server that was stopped, until its input ends; says so when it listens. */
const STAND_IN = `
const [manner, pidFile] = process.argv.slice(1);
const server = require("node:net").createServer((socket) => {
  socket.on("error", () => undefined);
  if (manner === "reset") socket.resetAndDestroy();
  if (manner === "slow") socket.once("data", () => setTimeout(() => socket.end("HTTP/1.1 200 OK\\r\\ncontent-length: 5\\r\\n\\r\\nslow\\n"), 4000));
});
server.listen(80, () => require("node:fs").writeFileSync(pidFile, String(process.pid)));
setTimeout(() => process.exit(), 120000);
`;

/** Returns what ends it. */
async function standInFor(
  { site }: ChaosCluster,
  server: string,
  manner: string,
): Promise<() => Promise<void>> {
  const pidFile = `/tmp/heye-chaos-${server}.pid`;
  const argv = [process.execPath, "-e", STAND_IN, manner, pidFile];
  await site.on(server, "rm", "-f", pidFile);
  const ended = site.lab.exec(server, argv, { timeoutMs: 130_000 });
  ended.catch(() => undefined);
  await site.on(server, "sh", "-c", `until [ -s ${pidFile} ]; do sleep 0.1; done`);
  return async () => {
    await site.on(server, "sh", "-c", `kill $(cat ${pidFile}); rm -f ${pidFile}`);
    await ended;
  };
}
