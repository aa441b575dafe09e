import { existsSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { keepalivedLayer } from "../setup";
import { PROJECT_ROOT, RUNTIME_FOLDER } from "../setup/project";
import { BenchError } from "./bench";
import type { UnpackedProgram } from "./guest/keepalived";
import type { CheckedFirst, Detected, Looked, Order, Rated, Scraped, Started } from "./guest/order";
import type { BenchSite } from "./site";

/** The agent's program and keepalived, as they are found from inside a director: it sees this machine's files. */
export async function programs(): Promise<Pick<Order, "agent" | "keepalived">> {
  return {
    agent: join(PROJECT_ROOT, "dist", "agent", "heye-agent.js"),
    keepalived: await unpackedKeepalived(),
  };
}

/** keepalived of the distribution, copied to where directors see it: of the cache they see the lab's own layer alone. */
async function unpackedKeepalived(): Promise<UnpackedProgram> {
  const layer = await keepalivedLayer();
  const folder = join(RUNTIME_FOLDER, "bench-keepalived");
  const found = join(layer, "usr", "sbin", "keepalived");
  if (!existsSync(found)) return { program: "/usr/sbin/keepalived", libraries: "" };
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  await rm(folder, { recursive: true, force: true });
  await cp(join(layer, "usr", "lib", triplet), folder, { recursive: true, dereference: true });
  await cp(found, join(folder, "keepalived"));
  return { program: join(folder, "keepalived"), libraries: folder };
}

/** Kinds of measurement, and what each yields. */
interface Results {
  readonly detection: Detected;
  readonly start: Started;
  readonly "checked-first": CheckedFirst;
  readonly looks: Looked;
  readonly rate: Rated;
  readonly scrapes: Scraped;
}

const TIMEOUT_MS = 600_000;

/** Measures inside the first director, with an empty table, in one process: nothing is started for each look. */
export async function measureInside<K extends keyof Results>(
  site: BenchSite,
  measure: K,
  order: Omit<Order, "measure">,
): Promise<Results[K]> {
  await site.wipe();
  const director = site.directors[0]?.name ?? "";
  const argv = [process.execPath, join(PROJECT_ROOT, "dist", "bench", "guest", "main.js")];
  const stdin = JSON.stringify({ measure, ...order });
  const { code, stdout, stderr } = await site.lab.exec(director, argv, { stdin, timeoutMs: TIMEOUT_MS });
  if (code === 0) return JSON.parse(stdout) as Results[K];
  const log = await site.lab.exec(director, ["tail", "-n", "5", `/run/heye-bench-${order.contestant}.log`]);
  throw new BenchError(`${order.contestant} on ${director}: status ${code}: ${stderr}\n${log.stdout}`);
}
