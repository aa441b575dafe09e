import * as http from "node:http";
import * as z from "zod";
import type { Api } from "../../kubernetes/api";

/** HeYe's first version checks with these unless it is told otherwise. */
const CHECK = { intervalMs: 2_000, timeoutMs: 500, fall: 2 } as const;
/** How often the states that nginx shows are read: assumed, as often as such loops commonly run. */
const POLL_MS = 1_000;

const addresses = z.array(z.looseObject({ ip: z.string() })).default([]);
const endpointsList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), resourceVersion: z.string() }),
      subsets: z.array(z.looseObject({ addresses, notReadyAddresses: addresses })).default([]),
    }),
  ),
});

/**
 * A model of the way that a server's death takes in HeYe's first version: nginx checks each server by its own timer and
 * shows what it holds of it, and a loop reads that and writes Endpoints that differ. Servers go out; none comes back.
 */
export class FirstVersion {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #failures = new Map<string, number>();
  readonly #timers: NodeJS.Timeout[] = [];
  #polling: Promise<void> | undefined;

  /** @param places addresses that are checked on port 80 */
  constructor(api: Api, namespace: string, places: readonly string[]) {
    this.#api = api;
    this.#namespace = namespace;
    places.forEach((place, index) => {
      const begin = () => {
        this.#ask(place);
        this.#timers.push(setInterval(() => this.#ask(place), CHECK.intervalMs));
      };
      this.#timers.push(setTimeout(begin, (index * CHECK.intervalMs) / places.length));
    });
    const poll = () => {
      this.#polling ??= this.#poll().finally(() => {
        this.#polling = undefined;
      });
    };
    this.#timers.push(setInterval(poll, POLL_MS));
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#polling;
  }

  #ask(host: string): void {
    const done = (isWell: boolean) =>
      this.#failures.set(host, isWell ? 0 : (this.#failures.get(host) ?? 0) + 1);
    const asking = http.request(
      { host, method: "HEAD", agent: false, timeout: CHECK.timeoutMs },
      (answer) => {
        answer.resume();
        done((answer.statusCode ?? 500) < 400);
      },
    );
    asking.on("timeout", () => asking.destroy(new Error("no answer in time")));
    asking.on("error", () => done(false)).end();
  }

  async #poll(): Promise<void> {
    const isDown = ({ ip }: { ip: string }) => (this.#failures.get(ip) ?? 0) >= CHECK.fall;
    if (![...this.#failures.keys()].some((ip) => isDown({ ip }))) return;
    const path = `/api/v1/namespaces/${this.#namespace}/endpoints`;
    const { items } = endpointsList.parse(await this.#api.request({ method: "GET", path }));
    for (const { metadata, subsets } of items) {
      if (!subsets.some(({ addresses }) => addresses.some(isDown))) continue;
      const changed = subsets.map(({ addresses, notReadyAddresses, ...rest }) => ({
        ...rest,
        addresses: addresses.filter((one) => !isDown(one)),
        notReadyAddresses: [...notReadyAddresses, ...addresses.filter(isDown)],
      }));
      const { name, resourceVersion } = metadata;
      const body = { metadata: { resourceVersion }, subsets: changed };
      await this.#api.request({ method: "PATCH", path: `${path}/${name}`, body });
    }
  }
}
