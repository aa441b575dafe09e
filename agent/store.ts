import { stat } from "node:fs/promises";
import { join } from "node:path";
import { bootName } from "./boot-name";
import { makePrivateFolder, readIfThere, removeDurably, writeDurably } from "./durable";
import { bootOfRecord, type HealthRecord, readHealthRecord } from "./health-record";
import { type Journal, readJournal } from "./journal";

/** All that is kept. */
export interface Stored {
  /** The registry's file; empty: nobody owns anything. */
  readonly registry: string;
  readonly journal: Journal | undefined;
  /** undefined: nothing is known of any server's health. */
  readonly health: HealthRecord | undefined;
  /** Since `another boot` somebody has filled the director's table who knew nothing of health. undefined: it does not say. */
  readonly recordedIn?: "this boot" | "another boot" | undefined;
}

/** Where the agent keeps what must outlive it. Each promise resolves when what was given is durable. */
export interface Store {
  load(): Promise<Stored>;
  /** Takes a change on, before anything of it is made. */
  begin(journal: Journal): Promise<void>;
  /** Ends the change that was begun: the registry is this text from now on. */
  commit(registry: string): Promise<void>;
  saveHealth(record: HealthRecord): Promise<void>;
}

/**
 * Files below a folder of the director. The registry is the one that `ssh` mode keeps, so that a cluster can turn from
 * one mode to the other.
 */
export class FileStore implements Store {
  readonly #registry: string;
  readonly #journal: string;
  readonly #health: string;
  /** The registry's file as it was read or left; undefined: there was none. */
  #left: string | undefined;
  /** How often a commit has begun or ended: while one is under way the number is odd. */
  #commits = 0;
  #fault: string | undefined;

  /**
   * @param state /var/lib/heye on a director
   * @param boot see {@link bootName}
   */
  constructor(
    private readonly state: string,
    private readonly boot: string | undefined = bootName(),
  ) {
    this.#registry = join(state, "registry");
    this.#journal = join(state, "agent", "journal.json");
    this.#health = join(state, "agent", "health.json");
  }

  async load(): Promise<Stored> {
    await makePrivateFolder(join(this.state, "agent"));
    const [registry, journal, health] = await Promise.all(
      [this.#registry, this.#journal, this.#health].map(readIfThere),
    );
    this.#left = await signatureOf(this.#registry);
    const boot = bootOfRecord(health ?? "");
    const isTold = boot !== undefined && this.boot !== undefined;
    return {
      registry: registry ?? (await readIfThere(join(this.state, "registry.json"))) ?? "",
      journal: journal === undefined ? undefined : readJournal(journal, this.#journal),
      health: health === undefined ? undefined : readHealthRecord(health),
      recordedIn: isTold ? (boot === this.boot ? "this boot" : "another boot") : undefined,
    };
  }

  begin(journal: Journal): Promise<void> {
    return writeDurably(this.#journal, JSON.stringify(journal));
  }

  async commit(registry: string): Promise<void> {
    this.#commits++;
    try {
      await this.#write(registry);
      this.#left = await signatureOf(this.#registry);
      this.#fault = undefined;
    } finally {
      this.#commits++;
    }
  }

  async #write(registry: string): Promise<void> {
    if (registry === "") await removeDurably(this.#registry);
    else await writeDurably(this.#registry, registry);
    // Of format 1, from an older package; the one just written takes its place.
    await removeDurably(join(this.state, "registry.json"));
    await removeDurably(this.#journal);
  }

  /** What somebody else has done to the registry's file, as of the last {@link look}; undefined: nothing. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /**
   * Looks whether the registry's file is as it was left. Who removes or edits it changes nothing at once, and everything at the
   * next start, when nobody remembers it.
   */
  async look(): Promise<void> {
    const commits = this.#commits;
    const found = await signatureOf(this.#registry);
    // While one is under way the file is neither as it was nor as it will be.
    if (commits % 2 === 1 || commits !== this.#commits) return;
    const what = found === undefined ? "is gone" : "was changed";
    this.#fault =
      found === this.#left
        ? undefined
        : `${this.#registry} ${what}, and not by this agent: it goes by what it knows until it starts again. Put the file back, ` +
          "or have something changed (`pulumi up`), which writes it anew.";
  }

  saveHealth(record: HealthRecord): Promise<void> {
    return writeDurably(this.#health, JSON.stringify({ ...record, boot: this.boot }));
  }
}

/** What tells one state of a file from another; undefined: it is not there. */
async function signatureOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : String(error);
  }
}
