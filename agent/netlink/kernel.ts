import type { TableText } from "../../director/data";
import {
  type ConnectionCount,
  destinationKey,
  type Edit,
  type Limits,
  renderEdit,
  type ServiceTraffic,
  withoutCounts,
} from "../../ipvs";
import {
  type Body,
  type DestinationEntry,
  destinationsBody,
  editBody,
  glanceKey,
  glancesOf,
  hasTunnels,
  keyOf,
  readDestination,
  readDestinationTraffic,
  readService,
  readServiceTraffic,
  refusal,
  type ServiceEntry,
  savedLines,
  servicesBody,
} from "../../ipvs/netlink";
import { type Kernel, KernelError } from "../kernel";
import { procfsConnections, readProcfs } from "../procfs";
import { batchesOf } from "./batches";
import { Conversation } from "./conversation";
import { Pace } from "./pace";
import { type Block, retold } from "./retold";
import type { Channel } from "./socket";

/** Complaints of one batch of edits that are written out. */
const SHOWN = 20;

/** How a service and one of its destinations are read. */
interface Readers<S, D> {
  readonly service: (attributes: Buffer) => S;
  readonly destination: (attributes: Buffer, service: S) => D;
}

/** A service that was read. */
interface Read {
  /** What procfs said of it before. */
  readonly glance: string | undefined;
  /** Its lines, and those of its destinations. */
  readonly block: string;
}

/**
 * The table by way of generic netlink, told in ipvsadm's words: a director is the same to whoever reads it by the one or by
 * the other.
 *
 * All of it is looked at each time. Of services all is asked for; of destinations procfs tells all but kinds of tunnels,
 * so they are asked for where it tells something else than before, and where there are tunnels: a dump for each service takes ten
 * times as long.
 */
export class NetlinkKernel implements Kernel {
  /** By the service's own line. */
  #read: ReadonlyMap<string, Read> = new Map();
  #text: TableText | undefined;

  /**
   * @param open a channel for each conversation
   * @param procfs what /proc/net/ip_vs tells; undefined: nothing
   */
  constructor(
    private readonly open: () => Channel,
    private readonly procfs: () => string | undefined = readProcfs,
  ) {}

  async read(): Promise<TableText> {
    const procfs = this.procfs();
    const glances = glancesOf(procfs === undefined ? "" : withoutCounts(procfs));
    const before = this.#read;
    // Where the table is edited meanwhile a service may be told twice.
    const read = new Map<string, Read>();
    for await (const { service, destinations } of this.#all(ENTRIES)) {
      const [line = ""] = savedLines(service, []);
      const glance = glances.get(glanceKey(service));
      const known = before.get(line);
      const isKnown = known && glance !== undefined && known.glance === glance && !hasTunnels(glance);
      const block = isKnown ? known.block : savedLines(service, await destinations()).join("\n");
      read.set(line, { glance, block });
    }
    const [gone, come] = [otherBlocks(before, read), otherBlocks(read, before)];
    const all = () => [...read.values()].map(({ block }) => linesOf(block));
    const text = retold(this.#text, gone, come, all);
    this.#read = read;
    this.#text = text;
    return text;
  }

  async limits(): Promise<Limits> {
    const limits = new Map<string, Map<string, { upper: number; lower: number }>>();
    for await (const { service, destinations } of this.#all(ENTRIES)) {
      const one = (await destinations()).map(
        (entry) => [destinationKey(entry), { upper: entry.upper, lower: entry.lower }] as const,
      );
      limits.set(keyOf(service), new Map(one));
    }
    return limits;
  }

  async traffic(): Promise<readonly ServiceTraffic[]> {
    const told: ServiceTraffic[] = [];
    for await (const { service, destinations } of this.#all(COUNTED))
      told.push({ service: keyOf(service), ...service.traffic, destinations: await destinations() });
    return told;
  }

  /** From procfs: a tenth of what netlink would have to tell. */
  async connections(): Promise<readonly ConnectionCount[] | undefined> {
    return procfsConnections();
  }

  async write(edits: readonly Edit[]): Promise<string> {
    if (edits.length === 0) return "";
    const complaints: string[] = [];
    const made = edits.flatMap((edit) => {
      const body = this.#body(edit, complaints);
      return body ? [{ edit, body }] : [];
    });
    try {
      await this.#make(made, complaints);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      complaints.push(`not all edits could be handed to the kernel: ${why}`);
    }
    const more = complaints.length - SHOWN;
    return [...complaints.slice(0, SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
  }

  #body(edit: Edit, complaints: string[]): Body | undefined {
    try {
      return editBody(edit);
    } catch (error) {
      complaints.push(`${renderEdit(edit)}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  async #make(
    made: readonly { readonly edit: Edit; readonly body: Body }[],
    complaints: string[],
  ): Promise<void> {
    const bodies = made.map(({ body }) => body);
    const pace = new Pace();
    const conversation = new Conversation(this.open());
    try {
      for (const { from, to } of batchesOf(bodies)) {
        const { refused, isPartial } = conversation.edit(bodies.slice(from, to));
        for (const [index, errno] of refused) {
          const one = made[from + index];
          if (one) complaints.push(refusal(one.edit, errno));
        }
        if (isPartial) complaints.push(`the kernel's answers to some of ${to - from} edits were lost`);
        await pace.rest();
      }
    } finally {
      conversation.close();
    }
  }

  /** Services in the kernel's order, and their destinations when they are asked for, at once. */
  async *#all<S extends ServiceEntry, D>(
    readers: Readers<S, D>,
  ): AsyncGenerator<{ service: S; destinations: () => Promise<D[]> }> {
    try {
      const conversation = new Conversation(this.open());
      try {
        const pace = new Pace();
        for (const service of await pace.all(conversation.dump(servicesBody(), readers.service))) {
          const read = (attributes: Buffer) => readers.destination(attributes, service);
          const all = async () => pace.all(conversation.dump(destinationsBody(service), read));
          yield { service, destinations: () => all().catch(refused) };
        }
      } finally {
        conversation.close();
      }
    } catch (error) {
      refused(error);
    }
  }
}

/** Blocks of one table that are not the same in the other. */
function otherBlocks(one: ReadonlyMap<string, Read>, other: ReadonlyMap<string, Read>): Block[] {
  return [...one].flatMap(([line, { block }]) => (other.get(line)?.block === block ? [] : [linesOf(block)]));
}

function linesOf(block: string): Block {
  return block.split("\n");
}

function refused(error: unknown): never {
  if (error instanceof KernelError) throw error;
  throw new KernelError(error instanceof Error ? error.message : String(error));
}

const ENTRIES: Readers<ServiceEntry, DestinationEntry> = {
  service: readService,
  destination: (attributes, { family }) => readDestination(attributes, family),
};

const COUNTED = {
  service: (attributes: Buffer) => ({
    ...readService(attributes),
    traffic: readServiceTraffic(attributes),
  }),
  destination: (attributes: Buffer, { family }: ServiceEntry) => {
    const entry = readDestination(attributes, family);
    const { weight } = entry;
    return { destination: destinationKey(entry), weight, ...readDestinationTraffic(attributes) };
  },
};
