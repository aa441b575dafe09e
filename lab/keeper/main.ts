/**
 * The keeper of a lab: a process in a network namespace that is the lab's own, so that nothing of the lab shows on
 * the machine. It runs the world, passes connections on to it and takes it down. Argument: the lab's folder.
 *
 * A lab that is not kept ends when the channel to its caller closes, which the kernel does however the caller ends.
 */

import { createWriteStream, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { reasonOf } from "../errors";
import { readJson, writeJson } from "../files";
import { labPathsIn } from "../paths";
import { childOf, isAlive, type ProcessRecord, recordOf, signal } from "../processes";
import { FIXED } from "../topology";
import { SIGNAL } from "../world/config";
import type { ForwardMessage, KeeperConfig, KeeperMessage } from "./config";
import { relay } from "./relay";
import { linkNamespaces, startGuest, startNamespaces, type WorldProcess } from "./world";

const paths = labPathsIn(process.argv[2] ?? "");
const loaded = readJson<KeeperConfig>(paths.keeper);
if (!loaded) throw new Error(`${paths.keeper} is missing`);
const config = loaded;

const records: ProcessRecord[] = [];
const log = createWriteStream(paths.log, { flags: "a", mode: 0o600 });
let world: WorldProcess | undefined;
let inner: ProcessRecord | undefined;
let ready = false;
let ending = false;

function record(pid: number | undefined, what: string): ProcessRecord | undefined {
  const entry = pid === undefined ? undefined : recordOf(pid, what);
  if (entry) records.push(entry);
  writeJson(paths.processes, records);
  return entry;
}

function tell(message: KeeperMessage): void {
  // The channel may close at any moment: "disconnect" deals with that.
  if (process.connected) process.send?.(message, undefined, {}, () => {});
}

/** Takes everything down and ends. Safe to call at any time, and twice. */
function end(code: number, reason?: string): void {
  if (ending) return;
  ending = true;
  if (reason) tell({ failed: reason });
  const finish = (): void => {
    const whole = config.forget && code === 0;
    const parts = [
      paths.control,
      paths.uml,
      paths.boot,
      paths.root,
      paths.world,
      paths.keeper,
      paths.processes,
    ];
    for (const path of whole ? [paths.dir] : [paths.inventory, ...parts])
      rmSync(path, { recursive: true, force: true });
    process.exit(code);
  };
  if (!world || world.exitCode !== null || world.signalCode !== null) return void finish();
  world.on("exit", finish);
  // The first process inside is gone only after all the others; the one around it may end before them.
  if (inner && isAlive(inner)) signal(inner, "SIGKILL");
  else world.kill("SIGKILL");
}

function start(): void {
  record(process.pid, "keeper");
  openControl();
  world = config.mode === "guest" ? startGuest(config, paths) : startNamespaces(config, paths);
  record(world.pid, "world");
  world.on("error", (error) => end(1, error.message));
  world.on("exit", (code, name) => end(1, `the world ended (${name ?? `code ${code}`})`));
  world.stdin.on("error", () => {});
  createInterface({ input: world.stdout }).on("line", heard);
}

function heard(line: string): void {
  // It speaks, so it is there.
  inner ??= record(childOf(world?.pid), "first process of the world");
  log.write(`${line}\n`);
  if (line.startsWith(SIGNAL.root)) attempt(() => world && linkNamespaces(world, config));
  // A guest whose kernel is gone says so and then hangs.
  if (line.startsWith("Kernel panic")) end(1, line);
  if (line.startsWith(SIGNAL.failed)) end(1, line.slice(SIGNAL.failed.length + 1));
  if (line.startsWith(SIGNAL.ready)) becomeReady();
}

/** Open from the start, so that a world that hangs while it comes up can be looked into. */
function openControl(): void {
  // Relative to the working directory, the lab's folder: a socket's path is limited to 107 bytes.
  const control = createServer({ allowHalfOpen: true });
  relay(control, FIXED.control, FIXED.controlPort);
  const umask = process.umask(0o177);
  control.listen("control.sock");
  process.umask(umask);
}

function becomeReady(): void {
  ready = true;
  tell({ ready: true });
}

function attempt(step: () => void): void {
  try {
    step();
  } catch (error) {
    end(1, reasonOf(error));
  }
}

process.on("message", (message: ForwardMessage, handle: unknown) => {
  relay(handle as Server, message.forward.host, message.forward.port);
});
process.on("disconnect", () => {
  if (!(config.keep && ready)) end(0);
});
process.on("SIGTERM", () => end(0));
process.on("SIGINT", () => end(0));
process.on("uncaughtException", (error) => end(1, error.stack ?? error.message));
setTimeout(() => {
  if (!ready) end(1, `it was not ready after ${config.deadlineMs / 1000} s`);
}, config.deadlineMs).unref();
attempt(start);
