/**
 * Stands for `node:fs/promises` in agent/durable.ts: the agent may be killed around each thing that it does, and what is not synced
 * is remembered for a loss of power.
 */
import * as real from "node:fs/promises";
import { basename } from "node:path";
import { type CrashPoint, crashPointsOf, DURABLE_FILES } from "../crash-points";
import { dieAt, isToDieAt } from "./death";
import { forgetsToSync } from "./planted";
import { contentSynced, leaving, namesSynced } from "./unsynced";

export const { mkdir, readFile } = real;

/** As much of a handle as is used there: of a file that is written, or of a folder. */
export async function open(path: string, flags: string | number, mode?: number) {
  const handle = await real.open(path, flags, mode);
  return {
    async writeFile(text: string): Promise<void> {
      const torn = pointOf(path, "torn");
      if (torn && isToDieAt(torn)) {
        await handle.writeFile(text.slice(0, text.length / 2));
        dieAt(torn);
      }
      await handle.writeFile(text);
    },
    async sync(): Promise<void> {
      if (forgetsToSync) return;
      await handle.sync();
      if (flags === "w") contentSynced(path);
      else namesSynced(path);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

export async function rename(from: string, to: string): Promise<void> {
  dieAtFile(to, "beside");
  leaving(to, from);
  await real.rename(from, to);
  dieAtFile(to, "in place");
}

export async function rm(path: string, options: { readonly force: boolean }): Promise<void> {
  const isJournal = basename(path) === DURABLE_FILES.journal;
  if (isJournal) dieAt("journal to go");
  leaving(path, undefined);
  await real.rm(path, options);
  if (isJournal) dieAt("journal gone");
}

function dieAtFile(path: string, at: "beside" | "in place"): void {
  const point = pointOf(path, at);
  if (point) dieAt(point);
}

/** undefined: it is no file that has points. */
function pointOf(path: string, at: "torn" | "beside" | "in place"): CrashPoint | undefined {
  const file = basename(path, ".new");
  const name = Object.entries(DURABLE_FILES).find(([, one]) => one === file)?.[0];
  return crashPointsOf("etcd").find((point) => point === `${name} ${at}`);
}
