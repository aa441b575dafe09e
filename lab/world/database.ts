/** The MariaDB of db1. It starts behind the rest of the world. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import type { DatabaseConfig, DatabaseState } from "./config";
import { NODE_ENVIRONMENT } from "./environment";
import type { NodeSpace } from "./spaces";

const FOLDER = "/run/mysqld";

/** One database server. */
export class Database {
  readonly #space: NodeSpace;
  readonly #config: DatabaseConfig;
  #process: ChildProcess | undefined;
  #state: DatabaseState = { state: "none" };
  #settled: Promise<void> = Promise.resolve();

  constructor(space: NodeSpace, config: DatabaseConfig) {
    this.#space = space;
    this.#config = config;
  }

  /** How it is now. */
  get state(): DatabaseState {
    return this.#state;
  }

  /** Copies the initialised data into memory and starts the server. Returns at once; see {@link settled}. */
  create(): void {
    mkdirSync(FOLDER, { recursive: true });
    this.#state = { state: "starting" };
    this.#settled = new Promise((resolve) => {
      const copy = spawn("cp", ["-r", this.#config.seed, `${FOLDER}/data`], {
        env: NODE_ENVIRONMENT,
        stdio: "ignore",
      });
      copy.on("error", (error) => this.#fail(`cp: ${error.message}`, resolve));
      copy.on("close", (code) => {
        if (code === 0) this.#run(resolve);
        else this.#fail(`the data could not be copied from ${this.#config.seed} (cp: code ${code})`, resolve);
      });
    });
  }

  /** Starts the server again after {@link stop} and waits until it can be used. Throws when it does not start. */
  async start(): Promise<void> {
    if (this.#process) return;
    this.#state = { state: "starting" };
    this.#settled = new Promise((resolve) => this.#run(resolve));
    const state = await this.settled();
    if (state.state === "failed") throw new Error(state.reason);
  }

  /** Ends the server in an orderly way and waits for it. Its port refuses from then on. */
  async stop(): Promise<void> {
    await this.settled();
    const server = this.#process;
    if (!server) return;
    const ended = new Promise((resolve) => server.once("close", resolve));
    server.kill("SIGTERM");
    await ended;
  }

  /** Waits until the start has succeeded or failed. */
  async settled(): Promise<DatabaseState> {
    await this.#settled;
    return this.#state;
  }

  #run(settled: () => void): void {
    const fixed = [
      `--datadir=${FOLDER}/data`,
      `--socket=${FOLDER}/mysqld.sock`,
      `--pid-file=${FOLDER}/mysqld.pid`,
    ];
    const server = this.#space.within(() =>
      spawn("/usr/sbin/mariadbd", [...this.#config.arguments, ...fixed], {
        env: NODE_ENVIRONMENT,
        cwd: "/",
        stdio: ["ignore", "ignore", "pipe"],
      }),
    );
    this.#process = server;
    const words: string[] = [];
    createInterface({ input: server.stderr }).on("line", (line) => {
      words.push(line);
      if (words.length > 10) words.shift();
      if (!line.includes("ready for connections")) return;
      this.#state = { state: "ready" };
      settled();
    });
    server.on("error", (error) => this.#fail(error.message, settled));
    server.on("close", () => {
      this.#process = undefined;
      if (this.#state.state === "starting") this.#fail(words.join("\n"), settled);
      else this.#state = { state: "none" };
    });
  }

  #fail(reason: string, settled: () => void): void {
    this.#state = { state: "failed", reason };
    settled();
  }
}
