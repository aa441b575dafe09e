import type { RecentChecks } from "../../recent";
import type { Status } from "../../status";
import { type Rates, type Reading, ratesOf } from "../../top/rates";
import { isRecentChecks, isStatus, isTraffic } from "./answers";

/** How many rates are kept for curves: two minutes. */
export const KEPT = 60;

/** What an agent told last. */
export class Agent {
  status: Status | undefined;
  recent: RecentChecks = {};
  /** Rates of the last span, by virtual server, and by `virtual server real server`. */
  rates: ReadonlyMap<string, Rates> = new Map();
  /** New connections per second of each virtual server, the newest at the end; under an empty key those of all. */
  readonly curves = new Map<string, number[]>();
  #before: Reading | undefined;

  async readStatus(): Promise<void> {
    this.status = await get("v1/status", isStatus);
  }

  async readRecent(): Promise<void> {
    this.recent = await get("v1/recent-checks", isRecentChecks);
  }

  async readTraffic(): Promise<void> {
    const traffic = await get("v1/traffic", isTraffic);
    const after = { atMs: performance.now(), traffic };
    if (this.#before) this.#take(ratesOf(this.#before, after));
    this.#before = after;
  }

  #take(all: readonly Rates[]): void {
    const declared = new Set(this.status?.services.map(({ service }) => service));
    const ours = all.filter(({ service }) => declared.has(service));
    this.rates = new Map(
      ours.map((one) => [one.server === undefined ? one.service : `${one.service} ${one.server}`, one]),
    );
    const services = ours.filter(({ server }) => server === undefined);
    for (const { service, connections } of services) this.#remember(service, connections);
    this.#remember(
      "",
      services.reduce((sum, one) => sum + one.connections, 0),
    );
    for (const key of this.curves.keys()) if (key !== "" && !declared.has(key)) this.curves.delete(key);
  }

  #remember(key: string, value: number): void {
    const curve = this.curves.get(key) ?? [];
    curve.push(value);
    if (curve.length > KEPT) curve.shift();
    this.curves.set(key, curve);
  }
}

async function get<T>(path: string, isExpected: (value: unknown) => value is T): Promise<T> {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const value: unknown = await response.json();
  if (!isExpected(value)) throw new Error(`${path}: it is of another version, load the page again`);
  return value;
}
