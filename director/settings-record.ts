import * as z from "zod";
import type { KernelValues } from "../spec";
import { TIMEOUT_KEYS } from "../spec";
import { canonicalJson } from "./canonical";
import { DUMMY_DEVICE } from "./placement";
import { escapeId } from "./registry-format";

/** What one cluster wants of a director's kernel. */
export interface SettingsOwner {
  /** For people: project, stack and cluster. */
  readonly label: string;
  /** Restore all this, and the cluster's entries, when the director boots. */
  readonly boot?: true;
  /** The device on which the addresses of the cluster's virtual servers are put; absent: on none. */
  readonly place?: string;
  readonly modules: readonly string[];
  readonly values: KernelValues;
}

/**
 * The durable record of who set what in a director's kernel, and of what stood there before: settings have no owner
 * field either. Kept in a file of its own, because entries change all the time and settings hardly ever.
 */
export interface SettingsRecord {
  readonly format: 1;
  /** By cluster id. */
  readonly owners: Readonly<Record<string, SettingsOwner>>;
  /** What to go back to when the last owner of a setting has gone. */
  readonly before: KernelValues;
}

/** A director whose settings nobody has touched. */
export const EMPTY_SETTINGS: SettingsRecord = { format: 1, owners: {}, before: {} };

const record = z.looseObject({
  format: z.literal(1),
  owners: z.record(
    z.string(),
    z.looseObject({
      label: z.string(),
      boot: z.literal(true).optional(),
      place: z.enum(["lo", DUMMY_DEVICE]).optional(),
      modules: z.array(z.string()),
      values: z.record(z.string(), z.string()),
    }),
  ),
  before: z.record(z.string(), z.string()),
});

/**
 * The file's content: one line of JSON, then the same once more in lines for the shell (see boot.ts): every setting
 * that is owned, and whether it is to be restored at boot, whose entries are, and whose addresses are put where. Empty when nobody owns anything, and then there is no file.
 */
export function renderSettings(settings: SettingsRecord): string {
  if (Object.keys(settings.owners).length === 0) return "";
  return [canonicalJson(settings), ...shellLines(settings)].map((line) => `${line}\n`).join("");
}

/**
 * Reads the file's content.
 *
 * @returns undefined when it is not a record of this format
 */
export function parseSettings(text: string): SettingsRecord | undefined {
  if (text === "") return EMPTY_SETTINGS;
  try {
    const value: unknown = JSON.parse(text.split("\n", 1)[0] ?? "");
    return record.safeParse(value).success ? (value as SettingsRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Modules to load at boot, over all owners that want it. */
export function bootModules(settings: SettingsRecord): string[] {
  const wanted = Object.values(settings.owners).filter((owner) => owner.boot);
  return [...new Set(wanted.flatMap((owner) => owner.modules))].sort();
}

/** Whether any owner wants something restored at boot. */
export function restoresAtBoot(settings: SettingsRecord): boolean {
  return Object.values(settings.owners).some((owner) => owner.boot);
}

/** The path of a sysctl below /proc/sys: dots and slashes trade places, as for sysctl(8). */
export function sysctlPath(name: string): string {
  return name.replace(/[./]/g, (found) => (found === "." ? "/" : "."));
}

/** The sysctl of a path; undoes {@link sysctlPath}. */
export const sysctlOfPath = sysctlPath;

/** The three timeouts of a set of values, as `ipvsadm --set` takes them; 0 leaves one as it is. */
export function timeoutArguments(values: KernelValues): string | undefined {
  const three = Object.values(TIMEOUT_KEYS).map((key) => values[key] ?? "0");
  return three.some((value) => value !== "0") ? three.join(" ") : undefined;
}

/** Sysctls of a set of values, without the timeouts. */
export function sysctlsAmong(values: KernelValues): [name: string, value: string][] {
  const timeouts: readonly string[] = Object.values(TIMEOUT_KEYS);
  return Object.entries(values).filter(([key]) => !timeouts.includes(key));
}

function shellLines(settings: SettingsRecord): string[] {
  const owners = Object.values(settings.owners);
  const boot = valuesOf(owners.filter((owner) => owner.boot));
  const all = valuesOf(owners);
  const sysctls = forwardingFirst(sysctlsAmong(all)).map(
    ([name, value]) => `sysctl ${name in boot ? "boot" : "-"} ${sysctlPath(name)} ${value}`,
  );
  const timeouts = timeoutArguments(boot);
  const restored = Object.entries(settings.owners).filter(([, owner]) => owner.boot);
  return [
    ...sysctls,
    ...(timeouts === undefined ? [] : [`timeouts boot ${timeouts}`]),
    ...restored.map(([id]) => `entries boot ${escapeId(id)}`),
    ...Object.entries(settings.owners).flatMap(([id, { place }]) =>
      place === undefined ? [] : [`place ${place} ${escapeId(id)}`],
    ),
  ];
}

function valuesOf(owners: readonly SettingsOwner[]): KernelValues {
  return Object.assign({}, ...owners.map((owner) => owner.values));
}

/** Switching forwarding on or off resets other settings of the network: it comes first. */
export function forwardingFirst<T>(sysctls: readonly [string, T][]): [string, T][] {
  const rank = (name: string) => (/\.(ip_forward|forwarding)$/.test(name) ? 0 : 1);
  return [...sysctls].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
