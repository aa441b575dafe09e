/** Who declares things through the API of directors while something goes wrong, and what must have become of it. */
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import type { ChaosCluster } from "./cluster";

const AGENT = "/var/lib/heye/agent/heye-agent";
/** How long one writes, and its pause after each change, in ms. */
const WRITES_MS = 8_000;
const PAUSE_MS = 400;
/** How often its service's removal is tried, a second apart. */
const REMOVALS = 20;

/** A change, by the weight that it gives, and what was answered: a status of HTTP; 0: nothing. */
const writes = z.array(z.tuple([z.int(), z.int()]));
export type Writes = z.output<typeof writes>;

/** Makes a virtual server where it is missing, and gives one of its servers a weight after the other. */
const WRITE = `
const [address, server, poolText, writesMs, pauseMs] = process.argv.slice(1);
const realServers = poolText.split(",").map((one) => ({ address: one, weight: 1, forwarding: "dr" }));
const service = { address, port: 80, scheduler: "wrr", healthCheck: { type: "none" }, realServers };
const place = "/v1/virtual-servers/tcp-" + address + "-80/real-servers/" + server + "-80/weight";
const ask = (method, path, value) => new Promise((resolve) => {
  const body = JSON.stringify(value);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const options = { socketPath: "/run/heye/agent.sock", method, path, headers, agent: false };
  const request = require("node:http").request(options, (response) => {
    response.resume().on("end", () => resolve(response.statusCode)).on("error", () => resolve(0));
  });
  request.on("error", () => resolve(0)).end(body);
});
(async () => {
  const end = performance.now() + Number(writesMs);
  const told = [];
  let isThere = false;
  for (let weight = 2; performance.now() < end; weight++) {
    if (!isThere) {
      const status = await ask("POST", "/v1/virtual-servers", service);
      told.push([1, status]);
      isThere = status === 201 || status === 409;
    }
    if (isThere) told.push([weight, await ask("PUT", place, { weight })]);
    await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
  }
  process.stdout.write(JSON.stringify(told));
})();
`;

/**
 * Weights that a server may have after these changes, 0 where there is none: that of the last one that was accepted, and of those
 * after it that got no answer, or one that leaves it open. What was refused with 4xx has surely not been made.
 *
 * @param before those that it may have had
 */
export function mayHold(told: Writes, before: readonly number[]): Set<number> {
  let may = new Set(before);
  for (const [weight, status] of told) {
    if (status >= 200 && status < 300) may = new Set([weight]);
    else if (status < 400 || status >= 500) may.add(weight);
  }
  return may;
}

/** Writers on some directors, at the same time. */
export class ApiWriters {
  readonly #told = new Map<number, Writes>();

  /** @param isOne one virtual server for all, a server of it for each; otherwise each has one of its own */
  constructor(
    private readonly chaos: ChaosCluster,
    private readonly directors: readonly string[],
    private readonly isOne = false,
  ) {}

  /** Writes for some seconds. Whatever is answered is remembered, and no failure. */
  async write(): Promise<void> {
    await Promise.all(this.directors.map((director, index) => this.#writeOn(director, index)));
  }

  /** How many changes were accepted. */
  get accepted(): number {
    return [...this.#told.values()].flat().filter(([, status]) => status >= 200 && status < 300).length;
  }

  /** Fails unless every director comes to hold what was accepted; then takes all of it away. */
  async expectKept(): Promise<void> {
    for (const [index, told] of this.#told) {
      const may = mayHold(told, this.isOne ? [0, 1] : [0]);
      const rule = `-a -t ${this.#service(index)}:80 -r ${this.#server(index)}:80 -g -w `;
      const weightIn = (lines: readonly string[]) =>
        Number(lines.find((line) => line.startsWith(rule))?.slice(rule.length) ?? 0);
      await this.chaos.expectTables(
        (lines) => may.has(weightIn(lines)),
        () => `${rule}${[...may].join(" or ")}, after ${JSON.stringify(told)}`,
      );
    }
    const services = new Set(this.directors.map((_, index) => this.#service(index)));
    for (const service of services) await this.#remove(service);
  }

  async #writeOn(director: string, index: number): Promise<void> {
    const { site } = this.chaos;
    const pool = this.isOne ? this.directors.map((_, one) => this.#server(one)) : [this.#server(index)];
    const argv = [this.#service(index), this.#server(index), pool.join(), `${WRITES_MS}`, `${PAUSE_MS}`];
    const { stdout, stderr } = await site.lab.exec(director, [process.execPath, "-e", WRITE, ...argv], {
      // The last change may wait for etcd as long as agents do.
      timeoutMs: WRITES_MS + 60_000,
    });
    if (stdout === "") throw new Error(`a writer on ${director} ended: ${stderr}`);
    this.#told.set(index, writes.parse(JSON.parse(stdout)));
  }

  async #remove(service: string): Promise<void> {
    const path = `/v1/virtual-servers/tcp-${service}-80`;
    const [director = ""] = this.directors;
    for (let tries = 1; ; tries++) {
      const argv = [AGENT, "api", "DELETE", path];
      const { code, stdout, stderr } = await this.chaos.site.lab.exec(director, argv);
      if (code === 0 || stderr.includes(" 404 ")) return;
      if (tries === REMOVALS) throw new Error(`DELETE ${path} on ${director}: ${stdout}${stderr}`);
      await delay(1_000);
    }
  }

  /** Addresses that the lab's router knows, and nobody else uses. */
  #service(index: number): string {
    return `192.0.2.${100 + (this.isOne ? 0 : 1 + index)}`;
  }

  #server(index: number): string {
    return this.chaos.site.address(`rs${index + 1}`);
  }
}
