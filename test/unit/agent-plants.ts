/** Mistakes that an agent could have: each is something around its files or its kernel, and a walk has to find it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { HealthRecord, Store } from "../../agent";
import type { Kernel } from "../../agent/kernel";
import type { Edit } from "../../ipvs";
import type { Plant } from "./agent-walk";

function storeWith(change: (store: Store) => Partial<Store>): Plant {
  return {
    store: (store) => ({
      load: () => store.load(),
      begin: (journal) => store.begin(journal),
      commit: (registry) => store.commit(registry),
      saveHealth: (record) => store.saveHealth(record),
      ...change(store),
    }),
  };
}

function kernelWith(write: (kernel: Kernel, edits: readonly Edit[]) => Promise<string>): Plant {
  return {
    kernel: (kernel) => ({
      read: () => kernel.read(),
      limits: () => kernel.limits(),
      traffic: () => kernel.traffic(),
      connections: () => kernel.connections(),
      write: (edits) => write(kernel, edits),
    }),
  };
}

const deletes = ({ kind }: Edit) => kind === "delete-service" || kind === "delete-destination";

/**
 * Servers that go are taken out before those that come are put in.
 *
 * @param pauseMs how much later those are put in: a kernel that is none of a model makes both within microseconds
 */
export function deleteBeforeAdd(pauseMs: number): Plant {
  return kernelWith(async (kernel, edits) => {
    const [first, others] = [edits.filter(deletes), edits.filter((one) => !deletes(one))];
    if (pauseMs === 0 || first.length === 0) return kernel.write([...first, ...others]);
    const complaint = await kernel.write(first);
    await delay(pauseMs);
    return `${complaint}${await kernel.write(others)}`;
  });
}

/** A change is made before it is written down. */
const journalAfterwards = storeWith(() => ({ begin: async () => undefined }));

/** What was written is not on the disk yet when it is said to be: the loss of power takes the last registry away. */
function missingSync(): Plant {
  let before: string | undefined;
  const registryOf = (folder: string) => join(folder, "registry");
  let folder = "";
  return {
    ...storeWith((store) => ({
      commit: async (registry) => {
        before = existsSync(registryOf(folder)) ? readFileSync(registryOf(folder), "utf8") : undefined;
        await store.commit(registry);
      },
    })),
    begin: (where) => {
      folder = where;
    },
    losePower: (where) => {
      if (before === undefined) rmSync(registryOf(where), { force: true });
      else writeFileSync(registryOf(where), before);
    },
  };
}

/** A drain is forgotten on the way to the disk. */
const lostDrain = storeWith((store) => ({
  begin: (journal) =>
    store.begin({
      ...journal,
      after: withoutDrains(journal.after),
    }),
  commit: (registry) => store.commit(withoutDrains(registry)),
  saveHealth: (record) => store.saveHealth({ ...record, drains: [] }),
}));

function withoutDrains(registry: string): string {
  return registry.replaceAll(/"draining":true,?/g, "").replaceAll(",}", "}");
}

/** A second part of the agent writes weights too, and knows nothing of health: the declared one of whoever loses it. */
const weightOfTwo = kernelWith(async (kernel, edits) => {
  const { table } = await kernel.read();
  const was = new Map(
    table.flatMap((service) =>
      service.destinations.map((one) => [`${service.address} ${one.address}`, one.weight] as const),
    ),
  );
  return kernel.write(
    edits.map((edit) => {
      if (edit.kind !== "edit-destination" || edit.destination.weight > 0) return edit;
      const weight = was.get(`${edit.service.address} ${edit.destination.address}`) ?? 0;
      return { ...edit, destination: { ...edit.destination, weight } };
    }),
  );
});

/** What was written down about servers is forgotten at a restart. */
const healthForgotten = storeWith((store) => ({
  load: async () => ({ ...(await store.load()), health: NOTHING }),
}));

const NOTHING: HealthRecord = { down: {}, lost: [], drains: [] };

/** A change that was cut short is not carried out. */
const journalIgnored = storeWith((store) => ({
  load: async () => ({ ...(await store.load()), journal: undefined }),
}));

/** All of them, each made anew for a walk. */
export const PLANTS: Readonly<Record<string, () => Plant>> = {
  "deletes before it adds": () => deleteBeforeAdd(0),
  "makes a change before it is written down": () => journalAfterwards,
  "does not wait for the disk": missingSync,
  "loses a drain": () => lostDrain,
  "has a weight written by two": () => weightOfTwo,
  "forgets health at a restart": () => healthForgotten,
  "does not replay its journal": () => journalIgnored,
};
