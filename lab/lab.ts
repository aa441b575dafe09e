/** A lab as its users see it. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { labLayer } from "../setup";
import { ControlClient } from "./control-client";
import { ExecTimeoutError, LabBusyError, LabInputError, NoLabError, NotRootError } from "./errors";
import { readJson, writeJson } from "./files";
import { type Inventory, inventoryOf, knownHostsOf } from "./inventory";
import type { Mode } from "./keeper/config";
import { recall, remember } from "./keys";
import { withLock } from "./lock";
import { chooseMode } from "./mode";
import { type LabPaths, labPaths } from "./paths";
import { listenOnEach } from "./ports";
import { startKeeper, writeStartFiles } from "./start";
import { isUp, labNames, sweepAbandoned, takeDown } from "./sweep";
import { topology } from "./topology";
import type { ExecOutcome } from "./world/exec";
import type { Counts } from "./world/web";

/** What kind of lab to bring up. */
export interface LabOptions {
  /** Letters, digits, `-`; at most 30. Default: made up, and the lab's folder goes with the lab. */
  readonly name?: string;
  /** Directors, 1 to 254. Default 3. */
  readonly directors?: number;
  /** Web servers, 0 to 1000, beside db1 and tcp1. Default 4. */
  readonly servers?: number;
  /** Run a MariaDB on db1, and wait for it. Default true. */
  readonly database?: boolean;
  /** Default "auto": namespaces where this kernel has IPVS, else a user-mode Linux guest. */
  readonly mode?: Mode | "auto";
  /** Let the lab go on when this process ends. Default false: it ends with us, even when we are killed. */
  readonly keep?: boolean;
}

/** Output of a command inside the lab. */
export interface ExecResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running lab. Made by {@link Lab.up} and {@link Lab.attach}. */
export class Lab {
  /** Where everything is, and the keys to it. */
  readonly inventory: Inventory;
  readonly #paths: LabPaths;
  readonly #control: ControlClient;

  private constructor(inventory: Inventory, paths: LabPaths) {
    this.inventory = inventory;
    this.#paths = paths;
    this.#control = new ControlClient(paths.dir, inventory.controlToken);
  }

  /**
   * Brings a lab up and returns when every director can be logged in to. What an earlier lab of this name left
   * behind after a crash is removed first. Throws LabInputError, NotRootError, NoKernelError, LabBusyError (it is up
   * already), LabStartError; nothing has been left behind then.
   */
  static async up(options: LabOptions = {}): Promise<Lab> {
    if (process.getuid?.() !== 0) throw new NotRootError();
    const name = options.name ?? `t-${randomBytes(4).toString("hex")}`;
    const paths = pathsOf(name);
    const t = topology({
      directors: options.directors ?? 3,
      servers: options.servers ?? 4,
      database: options.database ?? true,
    });
    const layer = await labLayer();
    const mode = await chooseMode(options.mode ?? "auto", layer);
    mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
    return withLock(paths, async () => {
      if (isUp(paths))
        throw new LabBusyError(`The lab ${name} is up already. Take it down first: heye lab down ${name}`);
      await takeDown(paths);
      await sweepAbandoned();
      const remembered = recall(paths, t.directors.length);
      const listeners = await listenOnEach(t.directors.map((_, i) => remembered.ports[i] ?? 0));
      const memory = { ...remembered, ports: listeners.map((listener) => listener.port) };
      const token = randomBytes(16).toString("hex");
      const forget = options.name === undefined;
      const start = {
        name,
        mode,
        keep: options.keep ?? false,
        forget,
        layer,
        topology: t,
        memory,
        token,
        listeners,
      };
      writeStartFiles(start, paths);
      try {
        await startKeeper(start, paths);
      } finally {
        for (const { server } of listeners) server.close();
      }
      const inventory = inventoryOf(name, mode, t, memory, paths, token);
      if (!forget) remember(paths, memory);
      writeFileSync(paths.knownHosts, knownHostsOf(inventory), { mode: 0o600 });
      writeJson(paths.inventory, inventory);
      return new Lab(inventory, paths);
    });
  }

  /** The running lab of this name. Throws NoLabError when it is not up. */
  static attach(name: string): Lab {
    const paths = pathsOf(name);
    const inventory = isUp(paths) ? readJson<Inventory>(paths.inventory) : undefined;
    if (!inventory) throw new NoLabError(`There is no running lab of the name ${name}. ${runningLabs()}`);
    return new Lab(inventory, paths);
  }

  /** Names of the labs of this clone that are up. */
  static running(): string[] {
    return labNames().filter((name) => isUp(labPaths(name)));
  }

  /**
   * Takes the lab of this name down, or what is left of it. Returns false when there was nothing.
   * The keys and ports of a named lab stay, so that the next one is reached in the same way.
   */
  static async down(name: string): Promise<boolean> {
    const paths = pathsOf(name);
    if (!existsSync(paths.processes)) return false;
    await withLock(paths, () => takeDown(paths));
    return true;
  }

  /**
   * Runs a program inside a node ("d1", "rs1", "db1", "tcp1", "client", "router", "switch") and returns its output.
   * Throws ExecTimeoutError after `timeoutMs` (default 60,000); a program that is not there is code 127.
   */
  async exec(
    node: string,
    argv: readonly string[],
    options: { readonly stdin?: string; readonly timeoutMs?: number } = {},
  ): Promise<ExecResult> {
    const outcome = await this.#control.ask<ExecOutcome>("exec", { node, argv, ...options });
    if (outcome.timedOut)
      throw new ExecTimeoutError(
        `${argv.join(" ")} on ${node} ran longer than ${options.timeoutMs ?? 60_000} ms and was killed. ` +
          `Its output so far: ${JSON.stringify(outcome.stdout + outcome.stderr)}`,
      );
    return { code: outcome.code, stdout: outcome.stdout, stderr: outcome.stderr };
  }

  /** What each server has answered since the start or the last reset, by its own account. */
  serverCounts(): Promise<Record<string, Counts>> {
    return this.#control.ask("counts");
  }

  /** Sets all servers' counts to 0. */
  async resetCounts(): Promise<void> {
    await this.#control.ask("reset");
  }

  /** Takes the lab down and returns when nothing of it is left. Safe to call twice. */
  async down(): Promise<void> {
    if (existsSync(this.#paths.dir)) await withLock(this.#paths, () => takeDown(this.#paths));
  }
}

function pathsOf(name: string): LabPaths {
  if (!/^[a-z0-9][a-z0-9-]{0,29}$/i.test(name))
    throw new LabInputError(
      `name: expected letters, digits and "-", at most 30 of them, found ${JSON.stringify(name)}.`,
    );
  return labPaths(name);
}

function runningLabs(): string {
  const running = Lab.running();
  return running.length > 0
    ? `Running: ${running.join(", ")}.`
    : "None is running; bring one up: heye lab up";
}
