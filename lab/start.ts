/** Starts the keeper of a lab and waits for the world. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostBatch } from "./batches";
import { LabStartError } from "./errors";
import { writeJson } from "./files";
import type { Cable, ForwardMessage, KeeperConfig, KeeperMessage, Mode } from "./keeper/config";
import { HOST_DEVICE, uplinkOf } from "./keeper/world";
import type { Memory } from "./keys";
import { type LabPaths, PACKAGE_ROOT } from "./paths";
import type { Listener } from "./ports";
import type { Topology } from "./topology";
import type { DatabaseConfig, WorldConfig } from "./world/config";

/** Everything that a world is started with. */
export interface Start {
  readonly name: string;
  readonly mode: Mode;
  readonly cable: Cable;
  /** Everything runs in a user namespace, whose root is this user. */
  readonly rootless: boolean;
  readonly keep: boolean;
  readonly forget: boolean;
  readonly layer: string;
  readonly topology: Topology;
  readonly memory: Memory;
  readonly token: string;
  readonly listeners: readonly Listener[];
  readonly cpu: number;
  readonly memoryMb: number;
  readonly database: DatabaseConfig | undefined;
  /** As in {@link WorldConfig}. */
  readonly systemd: string | undefined;
}

const SOURCES = join(PACKAGE_ROOT, "lab", "world");

/** Writes what keeper and world read at their start. */
export function writeStartFiles(start: Start, paths: LabPaths): void {
  const { directors } = start.topology.shape;
  const world: WorldConfig = {
    name: start.name,
    shape: start.topology.shape,
    uplink: uplinkOf(start),
    token: start.token,
    authorizedKey: start.memory.client.public,
    hostKeys: start.memory.hosts.map((key) => key.private),
    shared: [PACKAGE_ROOT, process.execPath],
    directorInit: join(SOURCES, start.systemd === undefined ? "director.sh" : "systemd.sh"),
    systemd: start.systemd,
    database: start.database,
  };
  const keeper: KeeperConfig = {
    mode: start.mode,
    hostBatch: hostBatch(HOST_DEVICE, start.topology.directors),
    cable: start.cable,
    keep: start.keep,
    forget: start.forget,
    layer: start.layer,
    rootScript: join(SOURCES, "root.sh"),
    memoryMb: start.memoryMb,
    cpu: start.cpu,
    deadlineMs: 60_000 + 1000 * directors,
  };
  for (const folder of [paths.boot, paths.root, paths.uml]) mkdirSync(folder, { recursive: true });
  writeJson(paths.world, world);
  writeJson(paths.keeper, keeper);
  writeBootFiles(paths, start.layer, [...world.shared, paths.dir]);
  writeFileSync(paths.privateKey, start.memory.client.private, { mode: 0o600 });
}

/** One value a file, a line each: the shell that reads them need not unquote anything. */
function writeBootFiles(paths: LabPaths, layer: string, shared: readonly string[]): void {
  const files = {
    layer,
    node: process.execPath,
    main: join(__dirname, "world", "main.js"),
    shared: shared.join("\n"),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(paths.boot, name), `${text}\n`);
}

/**
 * Starts the keeper in a network namespace of its own (and a user namespace, where we are not root), hands it the SSH ports, and resolves when the world answers.
 * The returned process's channel ties the lab's life to ours, unless the lab is kept.
 * Throws LabStartError when the world does not come up; the keeper has then cleaned up.
 */
export async function startKeeper(start: Start, paths: LabPaths): Promise<ChildProcess> {
  const log = openSync(paths.log, "w", 0o600);
  const main = join(__dirname, "keeper", "main.js");
  const own = start.rootless ? ["--user", "--map-root-user", "--net"] : ["--net"];
  const keeper = spawn("unshare", [...own, "--", process.execPath, main, paths.dir], {
    cwd: paths.dir,
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  const up = new Promise<void>((resolve, reject) => {
    const failed = (reason: string): void =>
      reject(new LabStartError(startProblem(start, reason, paths.log)));
    keeper.on("message", (message: KeeperMessage) =>
      "ready" in message ? resolve() : failed(message.failed),
    );
    keeper.once("error", (error) => failed(error.message));
    keeper.once("exit", (code, signal) => failed(`its keeper ended (${signal ?? `code ${code}`})`));
  });
  await Promise.all([up, handOver(keeper, start)]);
  keeper.unref();
  keeper.channel?.unref();
  return keeper;
}

async function handOver(keeper: ChildProcess, start: Start): Promise<void> {
  for (const [i, { server }] of start.listeners.entries()) {
    const host = start.topology.directors[i]?.management ?? "";
    const message: ForwardMessage = { forward: { host, port: 22 } };
    await new Promise<void>((resolve) => {
      // A keeper that is gone already makes this fail; its end is reported by the caller.
      keeper.send(message, server, {}, () => resolve());
    });
    server.close();
  }
}

function startProblem(start: Start, reason: string, log: string): string {
  let tail: string;
  try {
    tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-15).join("\n  ");
  } catch {
    tail = "(no log was written)";
  }
  return `The lab ${start.name} (mode ${start.mode}) did not come up: ${reason}\nThe end of its log ${log}:\n  ${tail}`;
}
