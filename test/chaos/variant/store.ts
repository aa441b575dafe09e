/** Stands for agent/store.ts in agent/daemon.ts: the same files, with the mistake that is planted. */

import type { HealthRecord } from "../../../agent/health-record";
import type { Journal } from "../../../agent/journal";
import { type Store, type Stored, FileStore as WholeStore } from "../../../agent/store";
import { plant } from "./planted";

export class FileStore extends WholeStore {
  readonly #planted: Store;

  constructor(state: string) {
    super(state);
    const whole: Store = {
      load: () => super.load(),
      begin: (journal) => super.begin(journal),
      commit: (registry) => super.commit(registry),
      saveHealth: (record) => super.saveHealth(record),
    };
    this.#planted = plant.store?.(whole) ?? whole;
  }

  override load(): Promise<Stored> {
    return this.#planted.load();
  }

  override begin(journal: Journal): Promise<void> {
    return this.#planted.begin(journal);
  }

  override commit(registry: string): Promise<void> {
    return this.#planted.commit(registry);
  }

  override saveHealth(record: HealthRecord): Promise<void> {
    return this.#planted.saveHealth(record);
  }
}
