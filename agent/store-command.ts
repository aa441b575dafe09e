import { readFile } from "node:fs/promises";
import * as z from "zod";
import type { Asked } from "./ask";
import { writeDurably } from "./durable";
import { backupText } from "./plane/backup-text";

/** Asks the agent over its socket. */
export type Request = (
  method: string,
  path: string,
  body?: string,
) => Promise<{ status: number; text: string }>;

const problem = z.object({ detail: z.string() });
const backup = z.object({ revision: z.int(), registry: z.string() });
const restored = z.object({ revision: z.int() });
const directors = z.array(
  z.object({ director: z.string(), revision: z.int(), troubles: z.array(z.string()) }),
);
const check = z.object({
  held: z
    .object({ revision: z.int(), bytes: z.int(), snapshot: z.int(), changes: z.int(), since: z.int() })
    .optional(),
  faults: z.array(z.string()),
  state: z.string(),
  reason: z.string().optional(),
  revision: z.int(),
  directors,
});
type Check = z.output<typeof check>;

/**
 * `heye-agent store ...`. A backup holds passwords of checks: only its owner may read the file.
 *
 * @returns the exit status: 1 where something is refused, or a check finds a fault
 */
export async function askStore(
  { words: [subject = "", file], json }: Asked,
  request: Request,
): Promise<number> {
  if (subject === "check") return checked(await request("GET", "/v1/store"), json);
  if (subject === "accept") {
    const value = answered(await request("POST", "/v1/store/accept"));
    const { revision } = z.object({ revision: z.int() }).parse(value);
    return said(`revision ${revision} is followed here\n`);
  }
  if ((subject !== "backup" && subject !== "restore") || file === undefined)
    throw new Error("expected store check, store backup FILE, store restore FILE or store accept");
  if (subject === "backup") {
    const { revision, registry } = backup.parse(answered(await request("GET", "/v1/store/backup")));
    await writeDurably(file, backupText(registry));
    return said(`revision ${revision} is in ${file}\n`);
  }
  const body = JSON.stringify({ registry: await readFile(file, "utf8") });
  const { revision } = restored.parse(answered(await request("POST", "/v1/store/restore", body)));
  return said(`${file} is revision ${revision}: every director follows it\n`);
}

function checked(answer: { status: number; text: string }, json: boolean): number {
  const value = answered(answer);
  const found = check.parse(value);
  process.stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : checkText(found));
  return found.faults.length === 0 && found.state === "following" ? 0 : 1;
}

function checkText({ held, faults, state, reason, revision, directors: all }: Check): string {
  const content = held
    ? `revision ${held.revision}, ${held.bytes} bytes; snapshot of revision ${held.snapshot}, ${held.since} bytes of changes since`
    : "nothing is held";
  const lines = [
    content,
    `this director: ${state}, revision ${revision}${reason === undefined ? "" : ` (${reason})`}`,
    ...all.map(
      (one) => `${one.director}: revision ${one.revision}${one.troubles.map((text) => `; ${text}`).join("")}`,
    ),
    faults.length === 0 ? "it agrees with itself" : "",
    ...faults.map((fault) => `FAULT: ${fault}`),
  ];
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}

function answered({ status, text }: { status: number; text: string }): unknown {
  const value: unknown = JSON.parse(text);
  if (status === 200) return value;
  throw new Error(problem.safeParse(value).data?.detail ?? text);
}

function said(text: string): number {
  process.stdout.write(text);
  return 0;
}
