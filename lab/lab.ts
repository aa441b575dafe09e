/** A lab as its users see it. */
import { existsSync } from "node:fs";
import { besideKeeper } from "./beside";
import { ControlClient } from "./control-client";
import { ExecTimeoutError, NoLabError, WorldError } from "./errors";
import { LabFaults } from "./faults";
import { readJson } from "./files";
import type { Inventory } from "./inventory";
import { withLock } from "./lock";
import { pathsOf } from "./name";
import { type LabPaths, labPaths } from "./paths";
import { isUp, labNames, takeDown } from "./sweep";
import { FIXED } from "./topology";
import { startTraffic, type TrafficHandle, type TrafficOptions } from "./traffic";
import { bringUp, type LabOptions } from "./up";
import type { DatabaseState } from "./world/config";
import type { ExecOutcome } from "./world/exec";
import type { TrafficReport } from "./world/traffic";
import type { WorldStatus } from "./world/verbs";
import type { Counts } from "./world/web";

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
  /** Breaks things, and mends them. */
  readonly fault: LabFaults;
  readonly #paths: LabPaths;
  readonly #control: ControlClient;

  private constructor(inventory: Inventory, paths: LabPaths) {
    this.inventory = inventory;
    this.#paths = paths;
    this.#control = new ControlClient(paths.dir, inventory.controlToken);
    this.fault = new LabFaults(this.#control);
  }

  /**
   * Brings a lab up and returns when every director can be logged in to. What an earlier lab of this name left
   * behind after a crash is removed first. Throws LabInputError, NotRootError, NoKernelError, LabBusyError (it is up
   * already), LabStartError; nothing has been left behind then.
   */
  static async up(options: LabOptions = {}): Promise<Lab> {
    const inventory = await bringUp(options);
    const lab = new Lab(inventory, pathsOf(inventory.name));
    try {
      if (inventory.mysql && (options.awaitDatabase ?? true)) await lab.databaseReady();
    } catch (error) {
      await lab.down();
      throw error;
    }
    return lab;
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

  /** Where directors reach what is run {@link beside} the lab. */
  readonly hostAddress = FIXED.host;

  /**
   * The command line that runs a program of this machine in the lab's own network: what listens there on
   * {@link hostAddress} is reached by directors and by nobody else. End it before the lab, or its network stays for as long.
   * Throws NoLabError when the lab is down.
   */
  beside(program: string, args: readonly string[]): [program: string, args: string[]] {
    return besideKeeper(this.#paths, program, args);
  }

  /** How the world is. */
  status(): Promise<WorldStatus> {
    return this.#control.ask("status");
  }

  /** Returns when the database can be used. Throws WorldError with its words when it could not start. */
  async databaseReady(): Promise<void> {
    const state = await this.#control.ask<DatabaseState>("await-database");
    if (state.state === "failed")
      throw new WorldError(`The database of ${this.inventory.name} did not start: ${state.reason}`);
  }

  /** Makes load from the client and reports when all its requests are done; `requests` is needed here. */
  async traffic(options: TrafficOptions & { readonly requests: number }): Promise<TrafficReport> {
    return (await this.startTraffic(options)).finished();
  }

  /** Starts load from the client, to be stopped by the handle. */
  startTraffic(options: TrafficOptions): Promise<TrafficHandle> {
    return startTraffic(this.#control, options);
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

function runningLabs(): string {
  const running = Lab.running();
  return running.length > 0
    ? `Running: ${running.join(", ")}.`
    : "None is running; bring one up: heye lab up";
}
