import type { Kernel } from "../../agent/kernel";
import { readTableText, type TableText, withServices } from "../../director/data";
import { type Edit, editedServices } from "../../ipvs";

/** A table in memory, which costs an agent as little as procfs does: what is measured is the agent and its API. */
export class MemoryKernel implements Kernel {
  #text: TableText = readTableText([]);

  async read(): Promise<TableText> {
    return this.#text;
  }

  async write(edits: readonly Edit[]): Promise<string> {
    const changed = editedServices(this.#text.table, edits);
    const desired = [...changed.values()].flatMap((one) => one ?? []);
    this.#text = withServices(this.#text, desired, new Set(changed.keys()));
    return "";
  }

  async limits() {
    return new Map();
  }

  async connections() {
    return [];
  }

  async traffic() {
    return [];
  }
}
