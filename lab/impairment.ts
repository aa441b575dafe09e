/** What can be wrong with a network: pure data, and the words for the kernel's network emulator. */
import { LabInputError } from "./errors";

/**
 * The networks of a lab. `management` carries SSH, `front` router to directors, `back` directors and router to servers,
 * `client` client to router.
 */
export const NETWORKS = ["management", "front", "back", "client"] as const;

/** One of {@link NETWORKS}. */
export type Network = (typeof NETWORKS)[number];

/** What happens to every packet on one node's link to a network, in either direction: a round trip meets it twice. */
export interface Impairment {
  /** Each packet arrives that much later. Default 0. */
  readonly delayMs?: number;
  /** The delay varies by up to that much, more or less; packets may overtake each other. Default 0. */
  readonly jitterMs?: number;
  /** So many packets in a hundred are lost. Default 0. */
  readonly lossPercent?: number;
}

/** No delay is longer, in milliseconds: a minute is as good as silence. */
const LONGEST_MS = 60_000;

/** The impairment with its defaults filled in. Throws LabInputError that names the field. */
export function wholeImpairment({
  delayMs = 0,
  jitterMs = 0,
  lossPercent = 0,
}: Impairment): Required<Impairment> {
  within("delayMs", delayMs, 0, LONGEST_MS);
  within("jitterMs", jitterMs, 0, delayMs);
  within("lossPercent", lossPercent, 0, 100);
  if (delayMs === 0 && lossPercent === 0)
    throw new LabInputError("delayMs, lossPercent: expected one of them to be more than 0, found neither.");
  return { delayMs, jitterMs, lossPercent };
}

/** The arguments of `tc qdisc add dev DEVICE root`. */
export function netemWords({ delayMs, jitterMs, lossPercent }: Required<Impairment>): string {
  const micros = (ms: number): string => `${Math.round(ms * 1000)}us`;
  // The default of 1000 packets under way would lose more than was asked for when the delay is long.
  const words = ["netem", "limit", "100000"];
  if (delayMs > 0) words.push("delay", micros(delayMs), ...(jitterMs > 0 ? [micros(jitterMs)] : []));
  if (lossPercent > 0) words.push("loss", `${lossPercent}%`);
  return words.join(" ");
}

function within(field: string, value: number, low: number, high: number): void {
  if (Number.isFinite(value) && value >= low && value <= high) return;
  throw new LabInputError(`${field}: expected a number from ${low} to ${high}, found ${value}.`);
}
