import { type Registration, sha256 } from "../../director/data";
import { type Candidate, type Limits, type Service, serviceKey, type Table } from "../../ipvs";
import { candidatesOf } from "./candidates";
import { choiceOf } from "./choice";

/** How this director chooses, as texts that are equal where directors choose alike. */
export interface Sameness {
  /** Of all virtual servers together. */
  readonly digest: string;
  /** By virtual server. */
  readonly services: ReadonlyMap<string, string>;
}

/** What was worked out, and from what. */
interface Known {
  readonly from: string;
  readonly digest: string;
}

/** Digits of a digest that are told. 48 bits: as a number, one that every reader of numbers has exactly. */
const DIGITS = 12;

/**
 * Digests of what decides which server a client gets. Of the schedulers mh and sh that is the lookup table, worked out from
 * the kernel's order and the weights: directors with equal lists may have unequal ones. With others the order decides
 * nothing that lasts, and does not count.
 */
export class SamenessReader {
  /** Of each virtual server, as it was last. */
  #known: ReadonlyMap<string, Known> = new Map();

  /** @param registrations of the virtual servers that count: no others do */
  read(table: Table, registrations: ReadonlyMap<string, Registration>, order: Limits): Sameness {
    const known = new Map<string, Known>();
    for (const service of table) {
      const key = serviceKey(service);
      const registration = registrations.get(key);
      if (!registration) continue;
      const candidates = candidatesOf(service, registration, order);
      const from = JSON.stringify([service.scheduler, service.extra, candidates]);
      const before = this.#known.get(key);
      known.set(key, before?.from === from ? before : { from, digest: digestOf(service, candidates) });
    }
    this.#known = known;
    const services = new Map([...known].map(([key, { digest }]) => [key, digest] as const).sort(byKey));
    return { digest: shortened(JSON.stringify([...services])), services };
  }
}

function digestOf(service: Service, candidates: readonly Candidate[]): string {
  const { scheduler, extra } = service;
  const weights = candidates.map(({ destination, weight }) => `${destination} ${weight}`);
  const choice = choiceOf(service, candidates);
  const buckets = choice?.lookup.map((at) => weights[at]) ?? weights.sort();
  return shortened(JSON.stringify([scheduler, extra, buckets]));
}

function byKey([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

function shortened(text: string): string {
  return sha256(text).slice(0, DIGITS);
}

/** A digest as a number, of its first 48 bits. */
export function digestNumber(digest: string): number {
  return Number.parseInt(digest.slice(0, DIGITS), 16);
}
