import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { FileStore, type Journal } from "../../agent";

// The module itself: an import would be a view of it, which cannot be changed.
import fs = require("node:fs/promises");

/** What was done to the disk, in order: `write`, `sync`, `rename` and `remove`, each with the name of a file or folder. */
type Deed = readonly ["write" | "sync" | "rename" | "remove", string];

/** What a loss of power could take away of deeds after which something was said to be durable; empty: nothing. */
function losable(deeds: readonly Deed[], folderOf: (file: string) => string): string[] {
  const lost: string[] = [];
  const [unsynced, unlisted] = [new Set<string>(), new Map<string, string>()];
  for (const [deed, name] of deeds) {
    if (deed === "write") unsynced.add(name);
    if (deed === "sync") {
      unsynced.delete(name);
      for (const [file, folder] of unlisted) if (folder === name) unlisted.delete(file);
    }
    if (deed === "rename" && unsynced.has(`${name}.new`))
      lost.push(`${name} is renamed before it is on the disk`);
    if (deed === "rename" || deed === "remove") unlisted.set(name, folderOf(name));
  }
  const forgotten = [...unlisted.keys()].map((file) => `the folder of ${file} is not on the disk`);
  return [...lost, ...forgotten, ...[...unsynced].map((file) => `${file} is not on the disk`)];
}

const folderOf = (file: string) => (file.startsWith("registry") ? "state" : "agent");

describe("what an agent writes down", () => {
  let folder: string;
  let store: FileStore;
  let deeds: Deed[];
  const undo: (() => void)[] = [];

  /** Replaces a method by one that notes the call first. */
  const note = <K extends string>(
    owner: Record<K, (...args: never[]) => unknown>,
    method: K,
    deedOf: (self: unknown, args: readonly unknown[]) => Deed,
  ): void => {
    const real = owner[method];
    owner[method] = function (this: unknown, ...args: never[]) {
      deeds.push(deedOf(this, args));
      return real.apply(this, args);
    };
    undo.push(() => {
      owner[method] = real;
    });
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "heye-durable-"));
    const state = join(folder, "state");
    await fs.mkdir(state);
    store = new FileStore(state);
    await store.load();
    deeds = [];
    const names = new Map<unknown, string>();
    const module = fs as unknown as Record<"open" | "rename" | "rm", (...args: never[]) => unknown>;
    const open = fs.open;
    module.open = (async (...args: Parameters<typeof open>) => {
      const handle = await open(...args);
      names.set(handle, basename(String(args[0])));
      return handle;
    }) as never;
    undo.push(() => {
      module.open = open as never;
    });
    note(module, "rename", (_, [, to]) => ["rename", basename(String(to))]);
    note(module, "rm", (_, [path]) => ["remove", basename(String(path))]);
    await using handle = await open(state);
    const kind = Object.getPrototypeOf(handle) as Record<"sync" | "writeFile", (...args: never[]) => unknown>;
    note(kind, "writeFile", (self) => ["write", names.get(self) ?? "?"]);
    note(kind, "sync", (self) => ["sync", names.get(self) ?? "?"]);
  });
  afterEach(() => {
    for (const one of undo.splice(0).reverse()) one();
    rmSync(folder, { recursive: true });
  });

  it("is looked at where somebody else removes or edits it, until it is written anew", async () => {
    const file = join(folder, "state", "registry");
    await store.commit("heye registry 2\n");
    await store.look();
    assert.equal(store.fault, undefined);
    await fs.appendFile(file, "owner a\t{}\n");
    await store.look();
    assert.match(store.fault ?? "", /registry was changed, and not by this agent/);
    await fs.rm(file);
    await store.look();
    assert.match(store.fault ?? "", /registry is gone, and not by this agent/);
    await store.commit("heye registry 2\n");
    assert.equal(store.fault, undefined);
    await store.look();
    assert.equal(store.fault, undefined);
    await store.commit("");
    await store.look();
    assert.equal(store.fault, undefined, "removed by the agent itself");
  });

  const journal: Journal = { after: "heye registry 2\n", scope: [] };
  const record = { down: {}, lost: [], drains: [] };
  const writes: Readonly<Record<string, () => Promise<void>>> = {
    "a journal": () => store.begin(journal),
    "a registry": () => store.commit("heye registry 2\n"),
    "that nothing is registered any more": () => store.commit(""),
    "the health of servers": () => store.saveHealth(record),
  };
  for (const [what, write] of Object.entries(writes))
    it(`is on the disk when it is said to be: ${what}`, async () => {
      await write();
      assert.ok(deeds.length > 1, JSON.stringify(deeds));
      assert.deepEqual(losable(deeds, folderOf), [], JSON.stringify(deeds));
    });

  it("would be found to be missing there: any sync that is left out", async () => {
    await store.begin(journal);
    await store.commit("heye registry 2\n");
    const syncs = deeds.flatMap(([deed], index) => (deed === "sync" ? [index] : []));
    assert.ok(syncs.length >= 4, JSON.stringify(deeds));
    const [file, itsFolder] = syncs;
    for (const index of [file, itsFolder]) {
      const without = deeds.slice(0, (itsFolder ?? 0) + 1).filter((_, at) => at !== index);
      assert.notDeepEqual(losable(without, folderOf), [], JSON.stringify(without));
    }
  });
});
