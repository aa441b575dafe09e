/** The controller as a process: the bundled program, with the token of its ServiceAccount. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as z from "zod";
import { leashed } from "../../setup/command";
import { PROJECT_ROOT } from "../../setup/project";
import { endLater } from "./leftovers";
import { until } from "./until";

const logLine = z.looseObject({ event: z.string() });

/** A line of its log. */
export type LogLine = z.output<typeof logLine>;

/** Ports for /metrics, each used once. */
let nextPort = 20_000;

/** One controller. It dies with this process. */
export class Replica {
  readonly log: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
    this.#ended = once(child, "exit");
    child.once(
      "exit",
      endLater(() => child.kill("SIGKILL")),
    );
    if (child.stderr)
      createInterface({ input: child.stderr }).on("line", (line) => {
        this.log.push(line.startsWith("{") ? logLine.parse(JSON.parse(line)) : { event: "words", line });
      });
  }

  /** Starts one, and waits until it has read everything. */
  static async start(kubeconfig: string, ...args: string[]): Promise<Replica> {
    const port = nextPort++;
    const program = join(PROJECT_ROOT, "dist", "agent", "heye-agent.js");
    const own = ["kubernetes", "--kubeconfig", kubeconfig, "--listen", `127.0.0.1:${port}`, ...args];
    const [file, argv] = leashed(process.execPath, [program, ...own]);
    const child = spawn(file, argv, { stdio: ["ignore", "ignore", "pipe"] });
    const replica = new Replica(child, port);
    await until(
      "the controller is ready",
      async () => {
        if (child.exitCode !== null) throw new Error(`it has ended: ${JSON.stringify(replica.log)}`);
        return (await replica.get("/readyz").catch(() => undefined))?.status === 200;
      },
      () => replica.log,
    );
    return replica;
  }

  /** The same, and it leads, and shares with nobody. */
  static async lead(kubeconfig: string, ...args: string[]): Promise<Replica> {
    const replica = await Replica.start(kubeconfig, ...args);
    await replica.leads();
    await replica.shares(1);
    return replica;
  }

  /** Waits until it leads. */
  async leads(): Promise<void> {
    await until(
      "the controller leads",
      () => this.has("lead"),
      () => this.log,
    );
  }

  /** Waits until so many share, itself among them, and agree on that. */
  async shares(members: number): Promise<void> {
    await until(
      `${members} share`,
      () => this.log.findLast(({ event }) => event === "share")?.members === members,
      () => this.log,
    );
  }

  /** Whether its log has a line of an event. */
  has(event: string): boolean {
    return this.log.some((line) => line.event === event);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async get(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.#port}${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** One of its metrics, without labels. */
  async metric(name: string): Promise<number> {
    const { text } = await this.get("/metrics");
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return Number(line?.split(" ")[1]);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it in order. @returns its exit status */
  async stop(): Promise<number | null> {
    this.signal("SIGTERM");
    await this.#ended;
    return this.#child.exitCode;
  }

  /** Ends it as a power failure would. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#ended;
  }
}
