import { join } from "node:path";
import * as z from "zod";
import { readIfThere, removeDurably, writeDurably } from "./durable";

/** An operator wants nothing more to be sent to this director. */
export interface MaintenanceState {
  /** Epoch, in milliseconds. */
  readonly since: number;
  /** In his words; empty: he gave none. */
  readonly reason: string;
}

const STATE = z.object({ since: z.number(), reason: z.string() });

/** What an operator's words may come to. */
const LONGEST_REASON = 200;

/**
 * Whether an operator has asked for this director to be left out. It changes nothing in the kernel, which goes on
 * forwarding: it is told to those who decide where packets go. It outlives restarts and reboots.
 */
export class Maintenance {
  #state: MaintenanceState | undefined;

  private constructor(private readonly file: string) {}

  /**
   * @param folder /var/lib/heye on a director. A file there that cannot be read counts: it is there because somebody asked
   */
  static async load(folder: string): Promise<Maintenance> {
    const maintenance = new Maintenance(join(folder, "agent", "maintenance.json"));
    const text = await readIfThere(maintenance.file);
    if (text !== undefined) maintenance.#state = readState(text);
    return maintenance;
  }

  /** Undefined: there is none. */
  get state(): MaintenanceState | undefined {
    return this.#state;
  }

  /** Begins it, or goes on with it in other words. It is durable when this resolves. */
  async begin(reason: string): Promise<MaintenanceState> {
    const words = reason.replace(/\p{C}+/gu, " ").slice(0, LONGEST_REASON);
    const state = { since: this.#state?.since ?? Date.now(), reason: words };
    await writeDurably(this.file, JSON.stringify(state));
    this.#state = state;
    return state;
  }

  async end(): Promise<void> {
    await removeDurably(this.file);
    this.#state = undefined;
  }
}

function readState(text: string): MaintenanceState {
  try {
    return STATE.parse(JSON.parse(text));
  } catch {
    return { since: 0, reason: "" };
  }
}
