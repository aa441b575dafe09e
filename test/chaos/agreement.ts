/** Whether directors that share an etcd agree in the end. */
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import type { Site } from "../lab/site";

const AGENT = "/var/lib/heye/agent/heye-agent";
/** Directors tell of themselves every 5 s; a lab is slow. */
const PATIENCE_MS = 45_000;
const PAUSE_MS = 1_000;

const told = z.object({
  held: z.object({ revision: z.int() }).optional(),
  faults: z.array(z.string()),
  directors: z.array(
    z.object({
      director: z.string(),
      revision: z.int(),
      digests: z.object({ registry: z.string(), table: z.string() }),
      troubles: z.array(z.string()),
    }),
  ),
});

/** What `heye-agent store check --json` prints, as far as it matters here. */
export type Told = z.output<typeof told>;

/** Why what is told is no agreement of just these directors on what etcd holds; undefined: it is one. */
export function disagreement(
  { held, faults, directors }: Told,
  names: readonly string[],
): string | undefined {
  if (!held) return "etcd holds nothing";
  if (faults.length > 0) return `what etcd holds: ${faults.join("; ")}`;
  const alive = directors.map(({ director }) => director).sort();
  if (alive.join() !== [...names].sort().join()) return `alive are ${alive.join(", ")} alone`;
  const behind = directors.find(({ revision }) => revision !== held.revision);
  if (behind)
    return `${behind.director} is at revision ${behind.revision}, and etcd holds revision ${held.revision}`;
  const troubled = directors.find(({ troubles }) => troubles.length > 0);
  if (troubled) return `${troubled.director}: ${troubled.troubles.join("; ")}`;
  const digests = new Set(directors.map((one) => JSON.stringify(one.digests)));
  return digests.size === 1 ? undefined : `digests differ: ${[...digests].join(" ")}`;
}

/** Fails unless all directors come to be alive, at the revision that etcd holds, with the same registry and the same table. */
export async function expectAgreed(site: Site): Promise<void> {
  const names = site.directorNames;
  for (const end = Date.now() + PATIENCE_MS; ; await delay(PAUSE_MS)) {
    const { stdout, stderr } = await site.lab.exec(names[0] ?? "", [AGENT, "store", "check", "--json"]);
    const reason = stdout === "" ? stderr : disagreement(told.parse(JSON.parse(stdout)), names);
    if (reason === undefined) return;
    if (Date.now() > end) throw new Error(`directors do not agree: ${reason}`);
  }
}
