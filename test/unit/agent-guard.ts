/** What no single edit of an agent may do, whatever goes wrong around it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findRegistration, type Registry } from "../../director";
import { parseRegistry } from "../../director/registry-format";
import { describeEdit, type Edit, editedEntry, findService, serviceKey, type Table } from "../../ipvs";
import { type Declarations, serverAt, serviceAt, takers } from "./agent-walk-model";

/** What is known while a step is made. */
export interface Knowledge {
  /** What is declared before the step, and after it. */
  readonly declared: readonly [Declarations, Declarations];
  /** Servers that answer, and did when the last step had settled. */
  readonly steadyAlive: ReadonlySet<number>;
  /** Servers that do not answer, that the agent knows about, and has to know after a restart. */
  readonly knownDead: ReadonlySet<number>;
  /** The machine has lost power in this step: who is well may have been written down as dead, and has to prove itself. */
  readonly lostPower: boolean;
  /** Pairs `VIRTUAL SERVER/SERVER` that took connections when the last step had settled. */
  readonly serving: ReadonlySet<string>;
}

/** Looks at every edit. */
export class Guard {
  knowledge: Knowledge | undefined;
  readonly violations: string[] = [];
  /** Who has just been added behind mh, perhaps with the weight that he had last, for mh goes by that: to lose it at once. */
  #entering: { readonly entry: string; readonly isDead: boolean } | undefined;

  /** @param folder the agent's files */
  constructor(private readonly folder: string) {}

  /** An agent starts: whatever another one was about to do will not follow. */
  begin(): void {
    this.#entering = undefined;
  }

  see(edit: Edit, before: Table, after: Table): void {
    const service = serviceAt(serviceKey(edit.service));
    const complain = (why: string) => this.violations.push(`${describeEdit(edit)}: ${why}`);
    if (service === undefined) return void complain("touches what is not ours");
    if (!this.#isOwned(serviceKey(edit.service), after))
      complain("leaves in the kernel what neither the registry nor the journal on the disk knows");
    const entering = this.#entering;
    this.#entering = undefined;
    const falls = edit.kind === "edit-destination" && edit.destination.weight === 0;
    const isEntering = falls && entering?.entry === editedEntry(edit);
    if (entering?.isDead && !isEntering)
      complain(`comes before ${entering.entry}, which is dead, loses its weight`);
    if (!this.knowledge) return;
    if (!isEntering && this.#empties(service, edit, before, after))
      complain("takes the last server that serves");
    if ("destination" in edit) this.#seeServer(service, edit, complain, this.knowledge);
  }

  #seeServer(
    service: number,
    edit: Extract<Edit, { destination: unknown }>,
    complain: (why: string) => void,
    { knownDead, serving, steadyAlive, declared }: Knowledge,
  ): void {
    const server = serverAt(edit.destination.address);
    if (server === undefined) return;
    const takes = edit.kind !== "delete-destination" && edit.destination.weight > 0;
    const isDead = knownDead.has(server);
    if (takes && edit.kind === "add-destination" && edit.service.scheduler === "mh")
      this.#entering = { entry: editedEntry(edit), isDead };
    else if (takes && isDead) complain("lets in a server that is known to be dead");
    const stays = declared.every((all) => {
      const one = all.get(service);
      const taking = one && takers(service, one, steadyAlive);
      return taking !== undefined && taking !== "sorry" && taking.has(server);
    });
    if (!takes && stays && serving.has(`${service}/${server}`))
      complain("takes a server out that is well and stays declared");
  }

  #empties(service: number, edit: Edit, before: Table, after: Table): boolean {
    const key = serviceKey(edit.service);
    const serves = this.knowledge?.declared.every((all) => {
      const one = all.get(service);
      const taking = one && takers(service, one, this.knowledge?.steadyAlive ?? new Set());
      return taking === "sorry" || (taking !== undefined && taking.size > 0);
    });
    if (serves !== true || this.knowledge?.lostPower) return false;
    return weightOf(before, key) > 0 && weightOf(after, key) === 0;
  }

  #isOwned(key: string, table: Table): boolean {
    if (!findService(table, key)) return true;
    const journal = readText(join(this.folder, "agent", "journal.json"));
    const texts = [readText(join(this.folder, "registry"))];
    if (journal !== "") texts.push((JSON.parse(journal) as { after: string }).after);
    return texts.some((text) => findRegistration(registryOf(text), key) !== undefined);
  }
}

/** The registry of a file's text; fails for one that cannot be read. */
export function registryOf(text: string): Registry {
  const registry = parseRegistry(text);
  if (!registry) throw new Error(`no registry: ${text}`);
  return registry;
}

/** A file's text; empty where there is none. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function weightOf(table: Table, key: string): number {
  return (findService(table, key)?.destinations ?? []).reduce((sum, { weight }) => sum + weight, 0);
}
