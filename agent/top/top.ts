import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { type Rates, type Reading, ratesOf } from "./rates";

/** The kernel sums its counters up every 2 s. */
const SPAN_MS = 2_000;

const count = z.number();
const traffic = { connections: count, packetsIn: count, packetsOut: count, bytesIn: count, bytesOut: count };

/** What `GET /v1/traffic` answers, as far as rates go by it. */
const TRAFFIC = z.array(
  z.object({
    service: z.string(),
    ...traffic,
    destinations: z.array(
      z.object({
        ...{ destination: z.string(), weight: count, active: count, inactive: count, persistent: count },
        ...traffic,
      }),
    ),
  }),
);

/** What one span of time came to, as it is printed for programs: a line of JSON. */
export const FRAME = z.object({
  /** Milliseconds since 1970, at its end. */
  at: z.number(),
  rates: z.array(
    z.object({
      ...{ service: z.string(), server: z.string().optional(), active: count, inactive: count },
      ...traffic,
    }),
  ),
});

/** See {@link FRAME}. */
export interface Frame {
  readonly at: number;
  readonly rates: readonly Rates[];
}

/**
 * Rates, a frame for every 2 s, until nobody takes them any more.
 *
 * @param ask what `GET /v1/traffic` answers. What it throws ends it
 */
export async function* frames(ask: () => Promise<unknown>): AsyncGenerator<Frame> {
  const read = async (): Promise<Reading> => {
    const traffic = TRAFFIC.parse(await ask());
    return { atMs: performance.now(), traffic };
  };
  let before = await read();
  for (;;) {
    await delay(SPAN_MS);
    const after = await read();
    yield { at: Date.now(), rates: ratesOf(before, after) };
    before = after;
  }
}

/** What a terminal takes for: begin at the top again, with nothing on the screen. */
export const CLEAR = "\u001b[H\u001b[2J";
