import { setTimeout as delay } from "node:timers/promises";
import type { Change, Director } from "../director";
import { type ConnectionCount, hasConnections, isConnectionless } from "../ipvs";
import { RolloutError, UnaskedError } from "./errors";
import { changeEverywhere, type Made, notPutBack, type Policy } from "./rollout";

/** A server on its way out, which takes no new connections any more. */
export interface Leaving {
  /** `10.0.0.1:80` */
  readonly server: string;
  /** How long its connections may go on. */
  readonly drainMs: number;
}

const LOOK_EVERY_MS = 500;
/** A handshake that began before the weight fell is an established connection by then. */
const HANDSHAKE_MS = 1_000;

/**
 * Waits until no director knows an established connection of a leaving server, or its time is over. A flow of udp is
 * never established: for it all that the kernel remembers counts. A director that cannot be asked may have some: it is
 * asked again until the time is over.
 *
 * @param service as `serviceKey` writes it
 */
export async function waitUntilDrained(
  directors: readonly Director[],
  service: string,
  leaving: readonly Leaving[],
): Promise<void> {
  const started = performance.now();
  const longestMs = Math.max(0, ...leaving.map(({ drainMs }) => drainMs));
  for (;;) {
    const elapsedMs = performance.now() - started;
    const waiting = leaving.filter(({ drainMs }) => drainMs > elapsedMs);
    if (waiting.length === 0) return;
    const counts = await countsWithin(longestMs - elapsedMs, directors);
    const settling = isConnectionless(service) || elapsedMs < HANDSHAKE_MS;
    const busy = waiting.some(({ server }) =>
      counts.some((one) => one === undefined || hasConnections(one, service, server, settling)),
    );
    if (!busy) return;
    await delay(Math.min(LOOK_EVERY_MS, Math.max(1, longestMs - elapsedMs)));
  }
}

/** What directors know; nothing of those that have not answered by then: to dial a dead one may take a minute. */
async function countsWithin(
  limitMs: number,
  directors: readonly Director[],
): Promise<(ConnectionCount[] | undefined)[]> {
  const answered = new AbortController();
  const isOver = delay(limitMs, undefined, { signal: answered.signal }).catch(() => undefined);
  const count = (director: Director) => director.connections().catch(() => undefined);
  try {
    return await Promise.all(directors.map((director) => Promise.race([count(director), isOver])));
  } finally {
    answered.abort();
  }
}

/**
 * Removes servers once they have drained; where that fails, the change before it is taken back as well. Not on a
 * director that somebody else has changed since: to write its pool again would let in those who have to be asked first.
 * It is left half changed, which the error says. Failures that were borne before count here too.
 */
export async function removeWhenDrained(
  directors: readonly Director[],
  leaving: readonly Leaving[],
  removal: Change,
  policy: Policy,
  drained: Made,
): Promise<Made> {
  await waitUntilDrained(directors, removal.key, leaving);
  const borne = Object.keys(drained.behind).length;
  const maxFailures = Math.max(0, (policy.rollout?.maxFailures ?? 0) - borne);
  try {
    return await changeEverywhere(directors, removal, {
      ...policy,
      rollout: { ...policy.rollout, maxFailures },
    });
  } catch (error) {
    const causes = error instanceof RolloutError ? error.causes : [];
    const changed = causes.flatMap((cause) => (cause instanceof UnaskedError ? [cause.director] : []));
    const stuck = await drained.takeBack(new Set(changed));
    if (stuck.length + changed.length === 0 || !(error instanceof RolloutError)) throw error;
    const others = stuck.length > 0 ? notPutBack(stuck.length) : error.consequence;
    const consequence = changed.length > 0 ? `${others} ${halfChanged(changed, leaving)}` : others;
    throw new RolloutError([...causes, ...stuck], directors.length, consequence, true);
  }
}

function halfChanged(directors: readonly string[], leaving: readonly Leaving[]): string {
  const servers = leaving.map(({ server }) => server).join(", ");
  return `Left half changed: ${directors.join(", ")}; what was to leave (${servers}) takes no new connections there (weight 0).`;
}
