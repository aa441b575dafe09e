import { join } from "node:path";
import { Worker } from "node:worker_threads";

/** How long one search may take. An ordinary expression needs less than one millisecond for 64 KiB. */
export const BUDGET_MS = 100;

/** What became of a search: `tooSlow` when its budget was over first. */
export type SearchResult = "found" | "absent" | "tooSlow";

/** One search, as it is sent to the thread. */
export interface Search {
  readonly id: number;
  readonly source: string;
  readonly text: string;
}

/** The thread's answer to the search of that number. */
export interface Found {
  readonly id: number;
  readonly result: SearchResult;
}

/** Searches whose answer is still awaited, by number. */
const waiting = new Map<number, (result: SearchResult) => void>();
/** Defined where everything is one file, which then is the thread's program as well (agent/main.ts). */
declare const HEYE_BUNDLE: true | undefined;
const THREAD_FILE = typeof HEYE_BUNDLE === "undefined" ? join(__dirname, "regex-thread.js") : __filename;

let thread: Worker | undefined;
let searches = 0;

/**
 * Looks for a regular expression in a text. There are expressions that need longer than the age of the world for 50
 * characters, and no way to tell all of them apart beforehand. So they run on a thread of their own, one after the
 * other, each for {@link BUDGET_MS} at most: whatever one costs, sessions and checks without one go on.
 *
 * @param source an expression that the specification has accepted
 * @param signal ends the waiting; the search itself ends by its budget
 */
export function searchRegex(source: string, text: string, signal: AbortSignal): Promise<SearchResult> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const id = searches++;
    const abort = () => {
      waiting.delete(id);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    waiting.set(id, (result) => {
      waiting.delete(id);
      signal.removeEventListener("abort", abort);
      resolve(result);
    });
    thread ??= start();
    thread.postMessage({ id, source, text } satisfies Search);
  });
}

/** The thread holds up no end of the process. If it dies, who waits is told by his own timeout, and the next search starts another. */
function start(): Worker {
  const worker = new Worker(THREAD_FILE);
  worker.on("message", ({ id, result }: Found) => waiting.get(id)?.(result));
  worker.on("error", () => undefined);
  worker.on("exit", () => {
    if (thread === worker) thread = undefined;
  });
  // After the listeners: one for messages would hold the process up again.
  worker.unref();
  return worker;
}
