/** What goes wrong with servers, and how it is mended. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { answers } from "./agents";
import type { ChaosCluster } from "./cluster";
import { type Fault, SERVERS } from "./schedule";
import { harmless, type Struck } from "./struck";

/** How long a server flaps. */
const FLAPS_MS = 4_000;

/** A director boots while a server is dead: that it is has not to be found out anew. */
export async function deadAtBoot(chaos: ChaosCluster, director: string, server: string): Promise<Struck> {
  const { site } = chaos;
  const dead = new Set([server]);
  await site.lab.fault.killServer(server);
  await chaos.expectOut(dead);
  const boots = async () => {
    await site.lab.fault.rebootDirector(director);
    await answers(site, director, "");
    const table = await site.table(director);
    assert.ok(
      chaos.isOut(table.trim().split("\n"), dead),
      `${server} is let in by a boot of ${director}:\n${table}`,
    );
  };
  return { ...harmless(boots()), dead, mend: () => site.lab.fault.restoreServer(server) };
}

/** Its port refuses and accepts in turn. */
export async function flap({ site }: ChaosCluster, server: string): Promise<void> {
  const end = Date.now() + FLAPS_MS;
  while (Date.now() < end) {
    await site.lab.fault.stopService(server, "http");
    await delay(1_000);
    await site.lab.fault.startService(server, "http");
    await delay(1_000);
  }
}

/** One dies in some way, or several do. */
export async function strikeServers(chaos: ChaosCluster, fault: Fault, server: string): Promise<Struck> {
  const { lab } = chaos.site;
  const all = Array.from({ length: SERVERS }, (_, index) => `rs${index + 1}`);
  const dead =
    fault === "all dead" ? all : fault === "half dead" ? all.slice(0, Math.ceil(SERVERS / 2)) : [server];
  const manner = MANNERS[fault];
  if (fault === "server silent" || fault === "server long dead") {
    await lab.fault.killServer(server);
    return {
      ...harmless(Promise.resolve()),
      dead: new Set(dead),
      isFoundOut: fault === "server long dead",
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
