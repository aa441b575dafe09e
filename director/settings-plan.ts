import type { KernelValues } from "../spec";
import { SettingConflictError, SettingMissingError } from "./errors";
import type { Actor } from "./refusal";
import { EMPTY_SETTINGS, forwardingFirst, type SettingsOwner, type SettingsRecord } from "./settings-record";

/** What a cluster wants of its directors' kernels. */
export type SettingsWish = Omit<SettingsOwner, "label">;

/** How a director gets from one set of settings to another. */
export interface SettingsPlan {
  /** What is recorded while the kernel is changed: everything owned before and after. */
  readonly during: SettingsRecord;
  readonly after: SettingsRecord;
  /** Values to set, in this order. */
  readonly edits: readonly (readonly [name: string, value: string])[];
}

/**
 * What has to be done so that an owner's wish holds on a director; without a wish, so that nothing of his is left.
 *
 * A value that several owners want alike is shared. The first one's arrival records what stood there; the last one's
 * leaving brings that back, unless somebody else has changed the setting since: then it is his, and stays.
 *
 * @param current what the kernel holds: at least all that is owned or wanted, as far as the kernel has it
 * @throws SettingConflictError another owner wants another value
 * @throws SettingMissingError the kernel has no such setting
 */
export function planSettings(
  director: string,
  record: SettingsRecord,
  current: KernelValues,
  actor: Actor,
  wish: SettingsWish | undefined,
): SettingsPlan {
  const { [actor.id]: mine, ...others } = record.owners;
  const wanted = wish?.values ?? {};
  refuseConflicts(director, others, wanted, actor);
  const missing = Object.keys(wanted).filter((name) => current[name] === undefined);
  if (missing.length > 0) throw new SettingMissingError(director, missing);

  const shared = new Set(Object.values(others).flatMap((owner) => Object.keys(owner.values)));
  const leaving = Object.entries(mine?.values ?? {}).filter(
    ([name]) => !(name in wanted) && !shared.has(name),
  );
  const setting = Object.entries(wanted).filter(([name, value]) => current[name] !== value);
  const restoring = leaving.flatMap(([name, ours]): [string, string][] => {
    const back = record.before[name];
    return back !== undefined && back !== ours && current[name] === ours ? [[name, back]] : [];
  });

  const arriving = Object.keys(wanted).filter((name) => record.before[name] === undefined);
  const beforeDuring = { ...record.before, ...pick(current, arriving) };
  const beforeAfter = omit(beforeDuring, new Set(leaving.map(([name]) => name)));
  const owner = wish && isSomething(wish) ? { ...wish, label: actor.label } : undefined;
  const owners = owner ? { ...others, [actor.id]: owner } : others;
  const after =
    Object.keys(owners).length === 0 ? EMPTY_SETTINGS : { format: 1 as const, owners, before: beforeAfter };
  const stillMine = { ...(mine ?? owner), values: { ...mine?.values, ...wanted } };
  const during =
    mine || owner
      ? {
          ...after,
          owners: { ...owners, [actor.id]: { modules: [], ...stillMine, label: actor.label } },
          before: beforeDuring,
        }
      : after;
  return { during, after, edits: forwardingFirst([...restoring, ...setting]) };
}

/** Whether a wish leaves anything on a director. */
export function isSomething(wish: SettingsWish): boolean {
  return (
    wish.boot === true ||
    wish.place !== undefined ||
    wish.modules.length > 0 ||
    Object.keys(wish.values).length > 0
  );
}

function refuseConflicts(
  director: string,
  others: Readonly<Record<string, SettingsOwner>>,
  wanted: KernelValues,
  { label }: Actor,
): void {
  for (const owner of Object.values(others)) {
    for (const [name, value] of Object.entries(wanted)) {
      const theirs = owner.values[name];
      if (theirs === undefined || theirs === value) continue;
      throw new SettingConflictError(director, name, value, theirs, owner.label, owner.label === label);
    }
  }
}

function pick(values: KernelValues, names: readonly string[]): KernelValues {
  return Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}

function omit(values: KernelValues, names: ReadonlySet<string>): KernelValues {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name)));
}

/** What differs between what an owner wants and what a kernel holds, one line each. */
export function settingDifferences(wanted: KernelValues, current: KernelValues): string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => current[name] !== value)
    .map(([name, value]) => `${name} is ${current[name] ?? "missing"}, expected ${value}`);
}
