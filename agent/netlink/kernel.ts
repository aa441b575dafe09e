import { readTableText, type TableText } from "../../director/data";
import {
  type ConnectionCount,
  destinationKey,
  type Edit,
  type Limits,
  renderEdit,
  type ServiceTraffic,
} from "../../ipvs";
import {
  type Body,
  type DestinationEntry,
  destinationsBody,
  editBody,
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
import { procfsConnections } from "../procfs";
import { batchesOf } from "./batches";
import { Conversation } from "./conversation";
import { Pace } from "./pace";
import type { Channel } from "./socket";

/** Complaints of one batch of edits that are written out. */
const SHOWN = 20;

/** How a service and one of its destinations are read. */
interface Readers<S, D> {
  readonly service: (attributes: Buffer) => S;
  readonly destination: (attributes: Buffer, service: S) => D;
}

/** A table that was read, by what it was read from. */
interface Seen {
  readonly services: readonly string[];
  readonly text: TableText;
}

/**
 * The table by way of generic netlink. All of it is read each time, flags and kinds of tunnels included, and told in
 * ipvsadm's words: a director is the same to whoever reads it by the one or by the other.
 */
export class NetlinkKernel implements Kernel {
  #seen: Seen | undefined;

  /** @param open a channel for each conversation */
  constructor(private readonly open: () => Channel) {}

  async read(): Promise<TableText> {
    const services: string[] = [];
    for await (const { service, destinations } of this.#all(ENTRIES))
      services.push(savedLines(service, destinations).join("\n"));
    // Whoever compares is spared the work where nothing has changed.
    const isSame = this.#seen?.services.length === services.length;
    if (this.#seen && isSame && this.#seen.services.every((one, index) => one === services[index]))
      return this.#seen.text;
    const text = readTableText(services.flatMap((one) => one.split("\n")).sort());
    this.#seen = { services, text };
    return text;
  }

  async limits(): Promise<Limits> {
    const limits = new Map<string, Map<string, { upper: number; lower: number }>>();
    for await (const { service, destinations } of this.#all(ENTRIES)) {
      const one = destinations.map(
        (entry) => [destinationKey(entry), { upper: entry.upper, lower: entry.lower }] as const,
      );
      limits.set(keyOf(service), new Map(one));
    }
    return limits;
  }

  async traffic(): Promise<readonly ServiceTraffic[]> {
    const told: ServiceTraffic[] = [];
    for await (const { service, destinations } of this.#all(COUNTED))
      told.push({ service: keyOf(service), ...service.traffic, destinations });
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

  /** Services with their destinations, in the kernel's order. */
  async *#all<S extends ServiceEntry, D>(
    readers: Readers<S, D>,
  ): AsyncGenerator<{ service: S; destinations: D[] }> {
    try {
      const conversation = new Conversation(this.open());
      try {
        const pace = new Pace();
        for (const service of await pace.all(conversation.dump(servicesBody(), readers.service))) {
          const read = (attributes: Buffer) => readers.destination(attributes, service);
          yield { service, destinations: await pace.all(conversation.dump(destinationsBody(service), read)) };
        }
      } finally {
        conversation.close();
      }
    } catch (error) {
      throw new KernelError(error instanceof Error ? error.message : String(error));
    }
  }
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
