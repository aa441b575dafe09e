import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "../setup/project";
import { type BenchRecord, type Circumstances, mergeRecords } from "./record";

/** Where records go: those of a quick run say nothing about speed, and do not replace those that do. */
export function resultsFile(quick: boolean): string {
  return quick
    ? join(RUNTIME_FOLDER, "bench-quick.json")
    : join(PROJECT_ROOT, "bench", "results", "latest.json");
}

/** Writes records into a file of them; those of other benches stay. */
export async function saveRecords(file: string, records: readonly BenchRecord[]): Promise<void> {
  const merged = mergeRecords(await earlier(file), records);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(merged, null, 2)}\n`);
}

async function earlier(file: string): Promise<BenchRecord[]> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as BenchRecord[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Where and of what records are taken now. */
export function circumstances(quick: boolean): Circumstances {
  const [processor] = cpus();
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const machine = `${cpus().length} x ${processor?.model.trim() ?? "?"}, ${memoryGb} GiB, Linux ${release()}`;
  return { at: new Date().toISOString(), commit: commit(), machine, quick };
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: PROJECT_ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results").trim();
    return git("rev-parse", "--short=10", "HEAD").trim() + (changed === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
