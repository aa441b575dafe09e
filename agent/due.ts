import { knownTable, type Registration, type Registry, type TableText } from "../director/data";
import {
  describeEdit,
  type Edit,
  editedEntry,
  findService,
  type Limits,
  plan,
  type Service,
  serviceKey,
} from "../ipvs";
import type { Made } from "./made";
import { onlyOurs, ourServers } from "./ours";
import type { PoolWants } from "./pool-wants";
import { registrations } from "./probes";

/** What a table lacks of what is wanted. */
export interface Due {
  readonly edits: readonly Edit[];
  /** Those of them that take back what somebody else has changed. */
  readonly repairs: readonly Edit[];
  /** What somebody else has changed and is only to be told of, in sentences. */
  readonly drift: readonly string[];
  /** All that is wanted, by key; to be handed back once the edits are made. */
  readonly wanted: ReadonlyMap<string, Service>;
}

/** A virtual server as it was when the kernel held what was wanted of it. */
interface Right {
  readonly found: Service;
  /** See {@link PoolWants.basis}. */
  readonly basis: string;
}

/** A director's table as it was read. */
interface Found {
  readonly text: TableText;
  /** Absent: nobody has any threshold. */
  readonly limits: Limits | undefined;
  readonly registry: Registry;
}

/** Works out what a table lacks, and of most virtual servers only that it is as it was. */
export class Dues {
  /** Of virtual servers of which nothing was to be done: what the kernel held, and what that followed from. */
  readonly #right = new WeakMap<Registration, Right>();

  constructor(
    private readonly wants: PoolWants,
    private readonly made: Made,
  ) {}

  /**
   * What the table lacks, by the health of servers as it was last heeded. What somebody else has changed is among the edits
   * only where that is to be taken back.
   */
  of(found: Found): Due {
    const { target, told, wanted, looked } = this.#wanted(found);
    const edits = missing(found, target);
    const left = told.length === 0 ? [] : missing(found, told);
    const made = new Set(edits.map(describeEdit));
    const edited = new Set(edits.map(({ service }) => serviceKey(service)));
    for (const [registration, right] of looked)
      if (!edited.has(serviceKey(right.found))) this.#right.set(registration, right);
    const drift = left.map(describeEdit).filter((one) => !made.has(one));
    // Of these nothing is taken back.
    for (const service of told) edited.delete(serviceKey(service));
    return { edits, repairs: this.#repairs(edits, edited, found), drift, wanted };
  }

  #wanted({ text, limits, registry }: Found) {
    const [target, told]: [Service[], Service[]] = [[], []];
    const wanted = new Map<string, Service>();
    const looked = new Map<Registration, Right>();
    const all = registrations(registry);
    // Servers of nobody keep the thresholds that they have.
    const table =
      limits === undefined
        ? text.table
        : knownTable({ table: text.table, limits, registry }, new Set(all.keys()));
    for (const [key, registration] of all) {
      const found = findService(table, key);
      const made = this.made.of(key);
      if (found && made && limits === undefined && registration.driftPolicy !== "report") {
        // The same comes of the same. A thousand servers that come back one by one are a thousand looks at all the others.
        const basis = this.wants.basis(key, registration);
        const right = this.#right.get(registration);
        if (right?.found === found && right.basis === basis) continue;
        looked.set(registration, { found, basis });
      }
      const { service } = this.wants.want(key, registration, found);
      wanted.set(key, service);
      if (registration.driftPolicy !== "report" || made === undefined) target.push(service);
      else {
        if (found) target.push(onlyOurs(found, made, service, ourServers(registration)));
        told.push(service);
      }
    }
    return { target, told, wanted, looked };
  }

  /**
   * Of edits, those of entries that are not as they were last made: somebody else was there since. Others follow from what
   * is wanted now and was not before.
   *
   * @param edited keys of the virtual servers that are looked at
   */
  #repairs(edits: readonly Edit[], edited: ReadonlySet<string>, found: Found): Edit[] {
    const made = [...edited].flatMap((key) => this.made.of(key) ?? []);
    if (made.length === 0) return [];
    const touched = new Set(missing(found, made).map(editedEntry));
    return edits.filter((one) => touched.has(editedEntry(one)));
  }
}

function missing({ text: { table }, limits, registry }: Found, wanted: readonly Service[]): Edit[] {
  const scope = new Set(wanted.map(serviceKey));
  return plan(knownTable({ table, limits, registry }, scope), wanted, scope);
}
