import * as z from "zod";
import { age, ago } from "../agent/text";

const server = z.object({
  ...{ server: z.string(), configuredWeight: z.number(), effectiveWeight: z.number() },
  kernelWeight: z.number().nullable(),
  reasons: z.array(z.string()),
  health: z.object({ healthy: z.boolean(), since: z.number(), answer: z.string() }).optional(),
});

const service = z.object({
  ...{ service: z.string(), up: z.boolean(), owner: z.string(), digest: z.string().optional() },
  servers: z.array(server),
  sorryServer: z.object({ server: z.string(), serves: z.boolean() }).optional(),
});

/** What an agent's `status --json` tells, as far as it is shown here: directors may run agents of several versions. */
export const DIRECTOR_STATUS = z.object({
  ...{ version: z.string(), startedAt: z.number(), reconciledAt: z.number(), repairs: z.number() },
  ready: z.boolean().optional(),
  alarms: z.array(z.object({ alarm: z.string(), detail: z.string() })).optional(),
  digests: z.object({ registry: z.string(), table: z.string(), choice: z.string().optional() }).optional(),
  services: z.array(service),
});

/** One director, and what its agent said. */
export interface Told {
  readonly name: string;
  readonly status: z.output<typeof DIRECTOR_STATUS>;
}

type Service = z.output<typeof service>;
type Server = z.output<typeof server>;

/** Several directors as one cluster: what they agree on once, and where they differ by their names. */
export function clusterText(told: readonly Told[], silent: readonly string[], nowMs: number): string {
  return [
    ...told.map((one) => directorLine(one, nowMs)),
    ...silent.map((name) => `${name}  SILENT: no agent answers there`),
    ...told.flatMap(({ name, status }) =>
      (status.alarms ?? []).map(({ alarm, detail }) => `${name}  ${alarm.toUpperCase()}: ${detail}`),
    ),
    ...differences(told, silent.length),
    ...serviceKeys(told).flatMap((key) => serviceLines(key, told, nowMs)),
    "",
  ].join("\n");
}

function directorLine({ name, status }: Told, nowMs: number): string {
  const { ready, version, startedAt, reconciledAt, repairs } = status;
  const state = ready === false ? "NOT READY" : "ready";
  return `${name}  ${state}  agent ${version}, up ${age(nowMs - startedAt)}, table as wanted ${ago(reconciledAt, nowMs)}, ${repairs} repairs`;
}

/** What of the directors is not the same, with what each of them has. */
export function differences(told: readonly Told[], silentCount = 0): string[] {
  const of = (what: string, read: (one: Told) => string | undefined) => {
    const groups = grouped(told, (one) => read(one) ?? "unknown");
    if (groups.size < 2) return [];
    const sides = [...groups].map(([value, all]) => `${value} on ${names(all)}`);
    return [`DIFFERS: ${what}: ${sides.join(", ")}`];
  };
  const found = [
    ...of("agents", ({ status }) => status.version),
    ...of("what is declared", ({ status }) => status.digests?.registry.slice(0, 12)),
    ...of("the table as declared", ({ status }) => status.digests?.table.slice(0, 12)),
    ...serviceKeys(told).flatMap((key) =>
      of(`how ${key} chooses`, ({ status }) => {
        const one = status.services.find((other) => other.service === key);
        return one ? one.digest : "not there";
      }),
    ),
  ];
  if (found.length > 0 || told.length < 2) return found;
  if (!told.every(({ status }) => status.digests)) return [];
  // Where the kernel does not tell its order, that all say nothing is no sameness.
  const isChosen = told.every(({ status }) => status.digests?.choice !== undefined);
  const whose = silentCount === 0 ? "all" : "all that answer";
  return [`same on ${whose}: what is declared, the table${isChosen ? ", how servers are chosen" : ""}`];
}

function serviceKeys(told: readonly Told[]): string[] {
  return [...new Set(told.flatMap(({ status }) => status.services.map((one) => one.service)))].sort();
}

function serviceLines(key: string, told: readonly Told[], nowMs: number): string[] {
  const here = told.flatMap(({ name, status }) => {
    const found = status.services.find((one) => one.service === key);
    return found ? [{ name, found }] : [];
  });
  const owner = here[0]?.found.owner ?? "";
  const up = told.length === here.length ? "" : ` on ${names(here)} alone`;
  const state = sides(here, ({ found }) => (found.up ? "up" : "NO QUORUM"));
  const servers = [...new Set(here.flatMap(({ found }) => found.servers.map((one) => one.server)))];
  return [
    "",
    `${key}  ${state}${up}  (${owner})`,
    ...servers.map((one) => serverLine(one, here, nowMs)),
    ...sorry(here),
  ];
}

type Here = readonly { readonly name: string; readonly found: Service }[];

function serverLine(key: string, here: Here, nowMs: number): string {
  const seen = here.flatMap(({ name, found }) => {
    const one = found.servers.find(({ server: other }) => other === key);
    return one ? [{ name, one }] : [];
  });
  const weight = sides(seen, ({ one }) => weightText(one));
  const state = sides(seen, ({ one }) => stateText(one));
  const reasons = [...new Set(seen.flatMap(({ one }) => one.reasons))];
  const worst = seen.find(({ one }) => one.health?.healthy === false) ?? seen[0];
  const health = worst?.one.health;
  const since = health ? ` for ${age(nowMs - health.since)}` : "";
  const why = reasons.length === 0 ? "" : `  [${reasons.join(", ")}]`;
  return `  ${key.padEnd(28)} weight ${weight.padEnd(10)} ${state}${since}${why}${health ? `  ${health.answer}` : ""}`;
}

function sorry(here: Here): string[] {
  const [first] = here.flatMap(({ found }) => (found.sorryServer ? [found.sorryServer.server] : []));
  if (first === undefined) return [];
  const serving = here.filter(({ found }) => found.sorryServer?.serves);
  const where =
    serving.length === 0 ? "" : `, SERVES${serving.length === here.length ? "" : ` on ${names(serving)}`}`;
  return [`  ${first.padEnd(28)} sorry server${where}`];
}

function weightText({ effectiveWeight, configuredWeight, kernelWeight }: Server): string {
  const wanted =
    effectiveWeight === configuredWeight ? `${effectiveWeight}` : `${effectiveWeight} of ${configuredWeight}`;
  if (kernelWeight === effectiveWeight) return wanted;
  // An entry of weight 0 keeps its connections and persistent clients, one that is out of the table keeps none.
  if (kernelWeight === null && effectiveWeight === 0) return `${wanted}, out of the table`;
  return `${wanted}, in the kernel ${kernelWeight ?? "not at all"}`;
}

function stateText({ health }: Server): string {
  return health === undefined ? "unchecked" : health.healthy ? "up" : "DOWN";
}

/** What all say, once; else what each says. */
function sides<T extends { readonly name: string }>(all: readonly T[], read: (one: T) => string): string {
  const groups = grouped(all, read);
  const [[only] = [""]] = groups;
  if (groups.size < 2) return only;
  return [...groups].map(([value, some]) => `${value} on ${names(some)}`).join(", ");
}

function grouped<T>(all: readonly T[], read: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(read(one), [...(groups.get(read(one)) ?? []), one]);
  return groups;
}

function names(all: readonly { readonly name: string }[]): string {
  return all.map(({ name }) => name).join(" ");
}
