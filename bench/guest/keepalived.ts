import { writeFile } from "node:fs/promises";
import type { Pace } from "../checked";
import { keepalivedConf } from "../keepalived-conf";
import type { PlannedService } from "../plan";
import { type Contestant, Daemon } from "./contestant";

/** Where a program of the distribution lies that is unpacked, not installed. */
export interface UnpackedProgram {
  readonly program: string;
  readonly libraries: string;
}

const CONF = "/run/heye-bench-keepalived.conf";
const PIDS = ["-p", "/run/heye-bench-keepalived.pid", "-c", "/run/heye-bench-checkers.pid"];

/** keepalived's checkers, without VRRP: `-C`. What it says goes to a file, as what the agent says does. */
export class Keepalived implements Contestant {
  #daemon: Daemon | undefined;

  constructor(private readonly unpacked: UnpackedProgram) {}

  async prepare(services: readonly PlannedService[], pace: Pace): Promise<void> {
    await writeFile(CONF, keepalivedConf(services, pace));
  }

  launch(): Daemon {
    const { program, libraries } = this.unpacked;
    const env = { ...process.env, LD_LIBRARY_PATH: libraries };
    const args = ["--dont-fork", "--log-console", "-C", "-f", CONF, ...PIDS];
    this.#daemon = new Daemon(program, args, env, "/run/heye-bench-keepalived.log");
    return this.#daemon;
  }

  async prepareChange(services: readonly PlannedService[], pace: Pace): Promise<() => Promise<void>> {
    await this.prepare(services, pace);
    return async () => this.#daemon?.signal("SIGHUP");
  }
}
