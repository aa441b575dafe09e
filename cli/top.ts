import { setTimeout as delay } from "node:timers/promises";
import { type Rates, together } from "../agent/top/rates";
import { topText } from "../agent/top/text";
import { CLEAR, FRAME } from "../agent/top/top";
import type { Asked } from "./directors";

/** How often all directors' last rates are shown. */
const REFRESH_MS = 2_000;
/** How long one that answers no more is left alone. */
const RETRY_MS = 3_000;

/**
 * Shows what all directors carry together, the busiest first, until somebody ends it.
 *
 * @param isOnce one look, and no more
 * @returns the exit status: 0 when every director answered
 */
export async function top(directors: readonly Asked[], isOnce: boolean): Promise<number> {
  if (isOnce) return once(directors);
  const last = new Map<string, readonly Rates[]>();
  for (const director of directors) void follow(director, last);
  const isScreen = process.stdout.isTTY;
  for (;;) {
    await delay(REFRESH_MS);
    const text = shown(directors, last, isScreen ? process.stdout.rows : undefined);
    process.stdout.write(`${isScreen ? CLEAR : ""}${text}`);
  }
}

async function once(directors: readonly Asked[]): Promise<number> {
  const last = new Map<string, readonly Rates[]>();
  const codes = await Promise.all(
    directors.map(async ({ name, run }) => {
      const { code, stdout, stderr } = await run(["top", "--json", "--once"]);
      if (code === 0) last.set(name, read(stdout));
      else process.stderr.write(`${name}: ${stderr}`);
      return code;
    }),
  );
  process.stdout.write(shown(directors, last, undefined));
  return codes.every((code) => code === 0) ? 0 : 1;
}

/**
 * Keeps a director's last rates, until it is ended. They go when it answers no more, and come back with it: an agent is
 * upgraded, a connection breaks, and whoever looks at a screen for hours is not to miss a director for that.
 *
 * @param last the rates of all directors, by name
 */
export async function follow(
  { name, lines }: Asked,
  last: Map<string, readonly Rates[]>,
  { retryMs = RETRY_MS, say = warn, signal }: Following = {},
): Promise<void> {
  let told = "";
  while (!signal?.aborted) {
    let words = "it has ended";
    try {
      for await (const line of lines(["top", "--json"])) {
        last.set(name, read(line));
        told = "";
      }
    } catch (error) {
      words = error instanceof Error ? error.message : String(error);
    }
    last.delete(name);
    if (words !== told) say(`${name}: ${words}\n`);
    told = words;
    await delay(retryMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  }
}

/** How a director is followed. */
export interface Following {
  /** The pause before one that has ended is asked again. */
  readonly retryMs?: number;
  /** Takes what is wrong, each time it is another thing. Default: stderr. */
  readonly say?: (line: string) => void;
  readonly signal?: AbortSignal;
}

function warn(line: string): void {
  process.stderr.write(line);
}

function read(line: string): Rates[] {
  return FRAME.parse(JSON.parse(line)).rates.map(({ server, ...one }) =>
    server === undefined ? one : { ...one, server },
  );
}

function shown(
  directors: readonly Asked[],
  last: ReadonlyMap<string, readonly Rates[]>,
  rows: number | undefined,
) {
  const silent = directors.filter(({ name }) => !last.has(name)).map(({ name }) => name);
  const who = [...last.keys()].join(" ");
  const title = `${new Date().toISOString()}  ${who}${silent.length > 0 ? `  SILENT: ${silent.join(" ")}` : ""}`;
  return topText(title, together([...last.values()]), rows);
}
