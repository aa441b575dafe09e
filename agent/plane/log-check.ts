import { GoneError } from "./gone-error";
import type { HeadRead, LogReader } from "./log-reader";

/** What a look at the log came to. */
export interface Checked {
  /** undefined: nothing. `snapshot` is a revision, `since` the bytes of the changes behind it. */
  readonly held:
    | {
        readonly revision: number;
        readonly digest: string;
        readonly bytes: number;
        readonly snapshot: number;
        readonly changes: number;
        readonly since: number;
      }
    | undefined;
  /** In sentences. */
  readonly faults: readonly string[];
}

/** How often is looked anew where somebody changes what is looked at, or tidies it up. */
const LOOKS = 5;

/** Whether what the log holds agrees with itself. Throws PlaneDownError, and PlaneBrokenError where it is of another version. */
export async function checkLog(log: LogReader): Promise<Checked> {
  for (let looks = 1; ; looks++) {
    const read = await log.head();
    const checked = await checkedAt(log, read);
    const isMoved = checked.faults.length > 0 && (await log.head()).modified !== read.modified;
    if (!isMoved || looks === LOOKS) return checked;
  }
}

async function checkedAt(log: LogReader, { head }: HeadRead): Promise<Checked> {
  if (!head) return { held: undefined, faults: ["it holds nothing"] };
  const { revision, digest, bytes, snapshot, since } = head;
  const faults: string[] = [];
  await log.whole(head).catch((error: unknown) => {
    if (!(error instanceof GoneError)) throw error;
    faults.push(error.message);
  });
  const entries = await log.entries(0, revision);
  for (let at = snapshot.revision + 1; at <= revision; at++)
    if (!entries.has(at)) faults.push(`the change of revision ${at} is missing`);
  const held = { revision, digest, bytes, snapshot: snapshot.revision, changes: entries.size, since };
  return { held, faults };
}
