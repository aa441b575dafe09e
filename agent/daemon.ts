import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { hostname, release } from "node:os";
import { dirname, join } from "node:path";
import { setInterval as every } from "node:timers/promises";
import { PLACE } from "../director/data";
import { directDial } from "../health";
import { type ApiHandler, apiOf } from "./api";
import { EVENTS_KEPT } from "./api/limits";
import { keepServingTls } from "./api/tls-server";
import { readConfig, type Told } from "./config";
import { removeDurably } from "./durable";
import { EventRing, telling } from "./events";
import { ipvsadmVersion } from "./ipvsadm-kernel";
import { Keeper } from "./keeper";
import type { Log } from "./log";
import { Maintenance } from "./maintenance";
import { openKernel } from "./open-kernel";
import { OwnProber } from "./own-prober";
import type { Participant, ParticipantParts } from "./plane/participant";
import { earlyRoutes, maintenanceRoutes, routesOf } from "./routes";
import { listen, type Routes } from "./server";
import { Sight } from "./sight";

import { FileStore } from "./store";

/** How an agent is run. */
export interface AgentOptions {
  /** Where what must outlive it is kept: /var/lib/heye. */
  readonly state: string;
  /** The unix socket it answers on. */
  readonly socket: string;
  /** The file that tells that it answers. */
  readonly ready: string;
  /** How often the table is compared with what it is to be, in milliseconds. */
  readonly pollMs: number;
  readonly version: string;
  readonly log: Log;
}

/**
 * Runs an agent until `signal` fires. What it leaves in the kernel when it ends goes on forwarding.
 *
 * @throws what keeps it from starting: its configuration, the registry, the kernel, another agent
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { state, socket, ready, pollMs, version } = options;
  const startedAt = Date.now();
  const events = new EventRing(startedAt.toString(36), EVENTS_KEPT);
  const log = telling(options.log, events);
  const dial = directDial();
  const { config, digest } = await readConfig(join(state, "agent", "agent.json"));
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  const host = { kernel: release(), ipvsadm: await ipvsadmVersion() };
  const { kernel, way } = await openKernel(state);
  if (way.because !== undefined)
    log.warn({ event: "kernel", ...way }, "IPVS is not to be had over netlink: it goes by way of ipvsadm");
  const maintenance = await Maintenance.load(state);
  const about = { version, startedAt, way };
  const store = new FileStore(state);
  const sight = new Sight({ kernel, maintenance, about, release: host.kernel, store });
  const parts = {
    store,
    kernel,
    dial,
    log,
    host,
    place: () => placeAddresses(state),
    isShared: config?.etcd !== undefined,
    observer: sight.instruments,
  };
  let routes: Routes | undefined;
  let api: ApiHandler | undefined;
  const server = await listen(
    socket,
    () => routes,
    log,
    () => api,
    earlyRoutes(sight),
  );
  const keeper = await Keeper.start(parts).catch((error: unknown) => {
    server.close();
    throw error;
  });
  const plane = await participantOf({ config, state, version, keeper, log });
  sight.watch(keeper, plane);
  routes = { ...routesOf(keeper, dial, plane), ...maintenanceRoutes(maintenance, log) };
  api = apiOf({ keeper, dial, prober: new OwnProber(hostname()), log, events, sight, plane, version });
  const remote = config?.api && keepServingTls(config.api, () => api, log, signal);
  plane?.start();
  await writeFile(ready, `${process.pid} ${version} ${digest}\n`);
  log.info({ event: "start", version, ...host, by: way.by }, "the agent keeps the table");
  try {
    for await (const _ of every(pollMs, undefined, { signal })) {
      await keeper.reconcile();
      const before = store.fault;
      await store.look();
      if (store.fault !== undefined && store.fault !== before)
        log.error({ event: "registry", fault: store.fault }, "somebody else has changed the registry's file");
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await rm(ready, { force: true });
    server.close();
    server.closeAllConnections();
    await plane?.stop();
    await Promise.all([remote, keeper.stop()]);
    log.info({ event: "stop" }, "the agent ends; the table stays as it is");
  }
}

/**
 * The director's part in what it shares; undefined: it shares with nobody. What speaks with etcd is loaded only where it is
 * needed: it takes as long as all the rest together.
 */
async function participantOf({
  config,
  ...parts
}: Omit<ParticipantParts, "config"> & Pick<Told, "config">): Promise<Participant | undefined> {
  if (config?.etcd === undefined) {
    // What is declared from now on is declared here alone: to share again is to join anew.
    await removeDurably(join(parts.state, "agent", "plane.json"));
    return undefined;
  }
  const { Participant } = await import("./plane/participant.js");
  return new Participant({ ...parts, config: { ...config, etcd: config.etcd } });
}

/** Virtual addresses, as in `ssh` mode: the same script, run here. Returns its words about those that it could not place. */
function placeAddresses(state: string): Promise<string> {
  const script = `set -fu; umask 077; state="$1" registry="$1/registry" settings="$1/settings"\n${PLACE}\n[ -s "$settings" ] || [ -s "$placed" ] || exit 0\nplace`;
  return new Promise((resolve) => {
    const child = spawn("sh", ["-c", script, "sh", state], { stdio: ["ignore", "pipe", "pipe"] });
    const said: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
    child.on("error", (error) => resolve(`address - - ${error.message}`));
    child.on("close", () => resolve(Buffer.concat(said).toString("utf8").trim()));
  });
}
