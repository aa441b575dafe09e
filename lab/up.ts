/** Brings a lab up, step by step. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { isRoot, labLayer, RootNeeded, requireLabRights, systemdLayer } from "../setup";
import { idlestCpu } from "./cpu";
import { databaseConfig } from "./database-seed";
import { LabBusyError, LabInputError, NotRootError } from "./errors";
import { writeJson } from "./files";
import { type Inventory, inventoryOf, knownHostsOf } from "./inventory";
import type { Mode } from "./keeper/config";
import { recall, remember } from "./keys";
import { withLock } from "./lock";
import { chooseCable, chooseMode } from "./mode";
import { madeUpName, pathsOf } from "./name";
import type { LabPaths } from "./paths";
import { listenOnEach } from "./ports";
import { type Start, startKeeper, writeStartFiles } from "./start";
import { isUp, sweepAbandoned, takeDown } from "./sweep";
import { topology } from "./topology";

/** What kind of lab to bring up. */
export interface LabOptions {
  /** Letters, digits, `-`; at most 30. Default: made up, and the lab's folder goes with the lab. */
  readonly name?: string;
  /** Directors, 1 to 254. Default 3. */
  readonly directors?: number;
  /** Web servers, 0 to 1000, beside db1 and tcp1. Default 4. */
  readonly servers?: number;
  /** Run a MariaDB on db1. Default true. */
  readonly database?: boolean;
  /** Return only when the database can be used; it takes a few seconds longer than the rest. Default true. */
  readonly awaitDatabase?: boolean;
  /** Memory of the guest, where there is one, in MB; taken only as it is used. Default: 768, and 12 for each director. */
  readonly memoryMb?: number;
  /** Default "auto": namespaces where this kernel has IPVS, else a user-mode Linux guest. */
  readonly mode?: Mode | "auto";
  /**
   * What runs the directors: a script that runs our units and sshd, or a real systemd, which needs a guest. Default "script".
   */
  readonly init?: "script" | "systemd";
  /** Let the lab go on when this process ends. Default false: it ends with us, even when we are killed. */
  readonly keep?: boolean;
}

/** Starts the lab and returns when every director can be logged in to. Throws as Lab.up does. */
export async function bringUp(options: LabOptions): Promise<Inventory> {
  const bySystemd = options.init === "systemd";
  if (bySystemd && options.mode === "namespaces")
    throw new LabInputError(
      'mode: expected "guest" with init "systemd", which never runs on this machine\'s own kernel, found "namespaces".',
    );
  const rootless = await isRootless();
  const name = options.name ?? madeUpName();
  const paths = pathsOf(name);
  const { directors = 3, servers = 4, database = true } = options;
  const t = topology({ directors, servers, database });
  const layer = await labLayer();
  const mode = await chooseMode(bySystemd ? "guest" : (options.mode ?? "auto"), layer);
  const systemd = bySystemd ? await systemdLayer() : undefined;
  const [cpu, seed] = await Promise.all([idlestCpu(), database ? databaseConfig(layer) : undefined]);
  const fixed = {
    name,
    mode,
    cable: chooseCable(),
    rootless,
    keep: options.keep ?? false,
    forget: options.name === undefined,
    layer,
    topology: t,
    token: randomBytes(16).toString("hex"),
    cpu,
    // Each may have a login at the same time, with its shell and programs.
    memoryMb: options.memoryMb ?? 768 + (systemd === undefined ? 12 : 128) * directors,
    database: seed,
    systemd,
  };
  return withLock(paths, async () => {
    if (isUp(paths))
      throw new LabBusyError(`The lab ${name} is up already. Take it down first: heye lab down ${name}`);
    await takeDown(paths);
    await sweepAbandoned();
    return start(fixed, paths);
  });
}

/** Throws NotRootError where this user may not build a lab. */
async function isRootless(): Promise<boolean> {
  try {
    await requireLabRights("run the same command with sudo");
  } catch (error) {
    throw error instanceof RootNeeded ? new NotRootError(error.message) : error;
  }
  return !isRoot();
}

async function start(fixed: Omit<Start, "memory" | "listeners">, paths: LabPaths): Promise<Inventory> {
  const remembered = recall(paths, fixed.topology.directors.length);
  const listeners = await listenOnEach(fixed.topology.directors.map((_, i) => remembered.ports[i] ?? 0));
  const memory = { ...remembered, ports: listeners.map((listener) => listener.port) };
  const whole = { ...fixed, memory, listeners };
  try {
    writeStartFiles(whole, paths);
    await startKeeper(whole, paths);
  } finally {
    for (const { server } of listeners) server.close();
  }
  const inventory = inventoryOf(fixed.name, fixed.mode, fixed.topology, memory, paths, fixed.token);
  if (!fixed.forget) remember(paths, memory);
  writeFileSync(paths.knownHosts, knownHostsOf(inventory), { mode: 0o600 });
  writeJson(paths.inventory, inventory);
  return inventory;
}
