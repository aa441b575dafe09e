import { setTimeout as delay } from "node:timers/promises";
import type { Etcd3 } from "etcd3";

/** How long until a watch that broke is opened again: at first, and at most. */
const BACKOFF_MS = { first: 200, most: 10_000 } as const;

/** Who is asked, and how another one is. */
export interface Members {
  readonly now: () => Etcd3;
  readonly turnFrom: (member: Etcd3) => void;
}

/**
 * Calls back when a key has been put, and whenever the watch has been opened anew: meanwhile it may have been. It asks for
 * nothing that lies behind, so that no compaction can be in its way. Fails never; ends when `signal` says so.
 */
export async function watchKey(
  members: Members,
  key: string,
  onHint: () => void,
  signal: AbortSignal,
): Promise<void> {
  let pause: number = BACKOFF_MS.first;
  while (!signal.aborted) {
    const member = members.now();
    const opened = await watchOnce(member, key, onHint, signal).catch(() => false);
    if (!opened) members.turnFrom(member);
    pause = opened ? BACKOFF_MS.first : Math.min(pause * 2, BACKOFF_MS.most);
    // Not all at the same moment, when a member comes back.
    await delay(pause * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** Resolves when the watch has ended, to whether it had been opened. */
async function watchOnce(
  etcd: Etcd3,
  key: string,
  onHint: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const stream = await etcd.watchClient.watch();
  let opened = false;
  const settled = new AbortController();
  const ended = new Promise<boolean>((resolve) => {
    const end = () => resolve(opened);
    stream.on("data", ({ created, canceled, events }) => {
      if (canceled) return end();
      opened ||= created;
      if (created || events.length > 0) onHint();
    });
    stream.on("error", end);
    stream.on("end", end);
    // It outlives this stream, and those that follow while etcd is away for days.
    signal.addEventListener("abort", end, { once: true, signal: settled.signal });
  });
  stream.write({ create_request: { key: Buffer.from(key) } });
  try {
    return await ended;
  } finally {
    settled.abort();
    stream.end();
  }
}
