/** A life of an agent that ends at a named point: before, in the middle of or after a write that outlives it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../agent";
import type { Kernel } from "../../agent/kernel";
import { type Edit, renderTable } from "../../ipvs";
import type { ModelledKernel } from "./agent-site";
import type { CrashPoint } from "./agent-walk-schedule";
import { RefusedByKernelError } from "./model-kernel";

/** Thrown where the agent would not be there any more. */
class KilledError extends Error {}

/** Says where a life ends; shared by lives, of which one dies. */
export interface Death {
  readonly point: CrashPoint;
  happened: boolean;
}

/** What goes wrong with the disk and the kernel. It may be changed while the agent lives. */
export interface Weather {
  diskFull: boolean;
  kernelRefuses: boolean;
  /** Somebody else edits the table between the agent's reading it and its writing; once. */
  midway: (() => void) | undefined;
}

/** What an agent has of the world as long as it lives. */
export class Life {
  #isOver = false;
  #death: Death | undefined;

  constructor(
    private readonly folder: string,
    private readonly weather: Weather,
    /** Told of every edit, after it is made. */
    private readonly onEdit: (edit: Edit, before: ModelledKernel["table"]) => void,
  ) {}

  /** It ends there, if it comes there. */
  arm(death: Death): void {
    this.#death = death;
  }

  /** From here on nothing of this agent's reaches the disk or the kernel. */
  end(): void {
    this.#isOver = true;
  }

  store(store: Store): Store {
    return {
      load: () => this.#alive(() => store.load()),
      begin: async (journal) => {
        this.#tear("journal torn", "agent/journal.json", JSON.stringify(journal));
        await this.#alive(() => this.#onDisk(() => store.begin(journal)));
        this.#at("journal written");
      },
      commit: async (registry) => {
        this.#tear("registry torn", "registry", registry);
        const journal = this.#read("agent/journal.json");
        await this.#alive(() => this.#onDisk(() => store.commit(registry)));
        this.#at("registry written", () => {
          if (journal !== undefined) writeFileSync(join(this.folder, "agent/journal.json"), journal);
        });
        this.#at("change ended");
      },
      saveHealth: async (record) => {
        this.#tear("health torn", "agent/health.json", JSON.stringify(record));
        await this.#alive(() => this.#onDisk(() => store.saveHealth(record)));
        this.#at("health written");
      },
    };
  }

  kernel(kernel: ModelledKernel): Kernel {
    return {
      read: () => this.#alive(() => kernel.read()),
      limits: () => this.#alive(() => kernel.limits()),
      traffic: () => this.#alive(() => kernel.traffic()),
      connections: () => this.#alive(() => kernel.connections()),
      write: async (edits) => {
        this.#at("batch begun");
        return this.#alive(() => this.#write(kernel, edits));
      },
    };
  }

  /** As `ipvsadm --restore`: a line that is refused is complained of, and the next one taken. */
  async #write(kernel: ModelledKernel, edits: readonly Edit[]): Promise<string> {
    this.weather.midway?.();
    this.weather.midway = undefined;
    if (this.weather.kernelRefuses && edits.length > 0) return "Memory allocation problem";
    const complaints: string[] = [];
    for (const [index, edit] of edits.entries()) {
      if (index === Math.ceil(edits.length / 2)) this.#at("batch half made");
      if (this.#isOver) throw new KilledError("the agent has been killed");
      const before = kernel.table;
      try {
        await kernel.write([edit]);
        this.onEdit(edit, before);
      } catch (error) {
        if (!(error instanceof RefusedByKernelError)) throw error;
        complaints.push(error.message);
      }
    }
    if (edits.length > 0) this.#at("batch made");
    return complaints.join("\n");
  }

  #alive<T>(act: () => Promise<T>): Promise<T> {
    if (this.#isOver) return Promise.reject(new KilledError("the agent has been killed"));
    return act();
  }

  #onDisk(act: () => Promise<void>): Promise<void> {
    if (!this.weather.diskFull) return act();
    return Promise.reject(Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }));
  }

  /** @param undo what had not been done yet at that point */
  #at(point: CrashPoint, undo?: () => void): void {
    if (this.#isOver) throw new KilledError("the agent has been killed");
    if (!this.#death || this.#death.happened || this.#death.point !== point) return;
    undo?.();
    this.#death.happened = true;
    this.#isOver = true;
    throw new KilledError(`killed: ${point}`);
  }

  /** Dies with half a file written beside the one that it would replace. */
  #tear(point: CrashPoint, file: string, text: string): void {
    this.#at(point, () => writeFileSync(join(this.folder, `${file}.new`), text.slice(0, text.length / 2)));
  }

  #read(file: string): string | undefined {
    try {
      return readFileSync(join(this.folder, file), "utf8");
    } catch {
      return undefined;
    }
  }
}

/** A table's lines, for messages. */
export function shown(kernel: ModelledKernel): string {
  return renderTable(kernel.table).trim();
}
