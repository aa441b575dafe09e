import * as z from "zod";
import { readIfThere, removeDurably, writeDurably } from "../durable";
import { parseJson } from "../json";
import type { Known } from "./plane";

const record = z.object({
  prefix: z.string(),
  history: z.string(),
  revision: z.int().min(1),
  digest: z.string(),
});

/**
 * What a director has last followed, in a file of its own. It is written once that is made, so it may be one step behind; it
 * decides whether what is shared is a successor, and never what is forwarded by.
 */
export class AppliedRecord {
  /** @param prefix another one's record says nothing */
  constructor(
    private readonly file: string,
    private readonly prefix: string,
  ) {}

  /** undefined: nothing was ever followed below this prefix. */
  async load(): Promise<Known | undefined> {
    const text = await readIfThere(this.file);
    if (text === undefined) return undefined;
    const found = record.safeParse(parseJson(text)).data;
    if (found?.prefix !== this.prefix) return undefined;
    const { history, revision, digest } = found;
    return { history, revision, digest };
  }

  save({ history, revision, digest }: Known): Promise<void> {
    return writeDurably(this.file, JSON.stringify({ prefix: this.prefix, history, revision, digest }));
  }

  forget(): Promise<void> {
    return removeDurably(this.file);
  }
}
