/** Load from the lab's client, through the switch. */
import { setTimeout as delay } from "node:timers/promises";
import type { ControlClient } from "./control-client";
import { LabInputError } from "./errors";
import { PROTOCOLS, type TrafficPlan, type TrafficProgress, type TrafficReport } from "./world/traffic";

/** Progress is up to 0.1 s old; the freshest of so many counts. */
const BEGAN_SAMPLES = 30;
const BEGAN_PAUSE_MS = 33;
const BEGIN_TIMEOUT_MS = 60_000;

/** What load to make; each request is a new connection. */
export interface TrafficOptions {
  /** `http://192.0.2.10/`, `tcp://[2001:db8:100::1]:7000` or `udp://...`. Over TCP and UDP a line is sent and one awaited. */
  readonly url: string;
  /** How many requests in all. Default: until stopped. */
  readonly requests?: number;
  /** How many at a time. Default 4. */
  readonly concurrency?: number;
  /**
   * So many a second instead of `concurrency`, begun at their times whatever has become of the earlier ones. Default: as
   * many as are answered.
   */
  readonly ratePerS?: number;
  /**
   * A connection that takes longer is a failure. Default 900: less than the second after which TCP tries again, so
   * that a lost first packet is seen.
   */
  readonly connectTimeoutMs?: number;
  /** An answer that takes longer, once connected, is a failure. Default 5000. */
  readonly answerTimeoutMs?: number;
}

/** A load that is running. */
export class TrafficHandle {
  readonly #control: ControlClient;
  readonly #id: number;

  constructor(control: ControlClient, id: number) {
    this.#control = control;
    this.#id = id;
  }

  /** How many requests have been finished so far; up to 0.1 s old. */
  progress(): Promise<TrafficProgress> {
    return this.#control.ask("traffic-progress", { id: this.#id });
  }

  /**
   * When the load began, by this process's `performance.now()`, and at most some 20 ms later. Its own times are since then. It
   * takes a second, and longer when the load has not begun: its process takes seconds to start in a lab that is busy.
   * Throws Error when it has not begun within a minute.
   */
  async began(): Promise<number> {
    let earliest = Number.POSITIVE_INFINITY;
    const end = performance.now() + BEGIN_TIMEOUT_MS;
    for (let samples = 0; samples < BEGAN_SAMPLES; await delay(BEGAN_PAUSE_MS)) {
      const { toldMs } = await this.progress();
      if (performance.now() > end) throw new Error("the load did not begin within a minute");
      if (toldMs === undefined) continue;
      earliest = Math.min(earliest, performance.now() - toldMs);
      samples++;
    }
    return earliest;
  }

  /** Ends the load, its begun requests included, and reports. The handle is of no more use then. */
  stop(): Promise<TrafficReport> {
    return this.#control.ask("traffic-stop", { id: this.#id });
  }

  /** Waits for all requests and reports. Never returns for a load without a number of requests. */
  finished(): Promise<TrafficReport> {
    return this.#control.ask("traffic-wait", { id: this.#id });
  }
}

/** Starts a load. Throws LabInputError for a target that cannot be one. */
export async function startTraffic(control: ControlClient, options: TrafficOptions): Promise<TrafficHandle> {
  const { id } = await control.ask<{ id: number }>("traffic-start", { ...planOf(options) });
  return new TrafficHandle(control, id);
}

/** The plan of these options, defaults filled in. Throws LabInputError. */
export function planOf(options: TrafficOptions): TrafficPlan {
  const url = URL.parse(options.url);
  const protocol = PROTOCOLS.find((name) => url?.protocol === `${name}:`);
  const port = url?.port ? Number(url.port) : protocol === "http" ? 80 : undefined;
  if (!url || port === undefined || protocol === undefined)
    throw new LabInputError(
      `url: expected http://ADDRESS[:PORT]/PATH, tcp://ADDRESS:PORT or udp://ADDRESS:PORT, found ${JSON.stringify(options.url)}.`,
    );
  return {
    protocol,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
    path: (url.pathname || "/") + url.search,
    ...(options.requests !== undefined && { requests: options.requests }),
    concurrency: options.concurrency ?? 4,
    ...(options.ratePerS !== undefined && { ratePerS: options.ratePerS }),
    connectTimeoutMs: options.connectTimeoutMs ?? 900,
    answerTimeoutMs: options.answerTimeoutMs ?? 5000,
  };
}
