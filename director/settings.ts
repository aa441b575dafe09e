import { createHash } from "node:crypto";
import { type KernelValues, TIMEOUT_KEYS, tidy } from "../spec";
import { bootDigest, bootFiles } from "./boot";
import { type Capabilities, parseCapabilities } from "./capabilities";
import { ATTEMPTS } from "./contention";
import type { Director } from "./director";
import {
  BusyError,
  ModuleMissingError,
  NotWritableError,
  SettingNotAppliedError,
  UnexpectedAnswerError,
} from "./errors";
import type { Actor } from "./refusal";
import {
  isSomething,
  planSettings,
  type SettingsPlan,
  type SettingsWish,
  settingDifferences,
} from "./settings-plan";
import {
  parseSettings,
  renderSettings,
  type SettingsRecord,
  sysctlOfPath,
  sysctlPath,
  sysctlsAmong,
  timeoutArguments,
} from "./settings-record";
import { CHANGE_SETTINGS, OBSERVE_SETTINGS } from "./settings-script";
import type { CommandResult } from "./ssh-session";
import { answerFault } from "./state";

/** What a director's kernel holds, and who set it. */
export interface SettingsState {
  readonly record: SettingsRecord;
  /** Of the record's file as it lies there: what a change is conditional on. */
  readonly digest: string;
  readonly current: KernelValues;
  /** Of the files of restoring at boot. */
  readonly boot: string;
  /** Addresses that are to be there, of whichever owner, and are not: one line each. */
  readonly unplaced: readonly string[];
}

/**
 * Loads the wished modules and tells what a director is and what its kernel holds.
 *
 * @throws ModuleMissingError, NotCapableError, BusyError, UnexpectedAnswerError and what reaching it throws
 */
export async function observeSettings(
  director: Director,
  wish: SettingsWish | undefined,
): Promise<SettingsState & { capabilities: Capabilities }> {
  const modules = (wish?.modules ?? []).map((name) => `module ${name}\n`).join("");
  const input = `${modules}${nameLines(wish?.values ?? {})}complete\n`;
  // The session is open by then as a rule (a read comes first); else the login counts as the way there.
  const sentMs = Date.now();
  const result = await director.execute(OBSERVE_SETTINGS, input, "reading its settings");
  const moments = { sentMs, receivedMs: Date.now() };
  if (result.stdout.startsWith("heye 1 modules\n"))
    throw new ModuleMissingError(director.name, result.stdout.trim().split("\n").slice(1));
  const { lines, state } = parseReport(director.name, result);
  return { ...state, capabilities: parseCapabilities(lines, moments) };
}

/**
 * Makes an owner's wish hold on a director, or (without a wish) takes back what it set there. Nothing is written when
 * nothing differs.
 *
 * @returns what the owner had there before, to undo it by
 * @throws SettingConflictError, SettingMissingError, SettingNotAppliedError, NotWritableError, BusyError ...
 */
export async function changeSettings(
  director: Director,
  state: SettingsState,
  actor: Actor,
  wish: SettingsWish | undefined,
): Promise<SettingsWish | undefined> {
  const before = state.record.owners[actor.id];
  let found = state;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const plan = planSettings(director.name, found.record, found.current, actor, wish);
    if (isDone(found, plan)) return before;
    const result = await director.execute(
      CHANGE_SETTINGS,
      changeInput(found, plan, wish),
      "changing its settings",
    );
    const { outcome, state: next, messages } = parseReport(director.name, result);
    found = next;
    if (outcome === "changed") continue;
    const differences = leftUndone(next, plan);
    if (differences.length === 0 && messages.trim() === "") return before;
    throw new SettingNotAppliedError(director.name, differences, messages);
  }
  throw new BusyError(director.name, `its settings were changed by somebody else ${ATTEMPTS} times in a row`);
}

/** Fails where {@link changeSettings} would, without changing anything. */
export function rehearseSettings(
  director: Director,
  state: SettingsState,
  actor: Actor,
  wish: SettingsWish | undefined,
): void {
  planSettings(director.name, state.record, state.current, actor, wish);
}

/** What differs on a director from what an owner wishes, one line each. */
export function settingsDrift(state: SettingsState, actor: Actor, wish: SettingsWish): string[] {
  const unowned = state.record.owners[actor.id] === undefined && isSomething(wish);
  return [
    ...settingDifferences(wish.values, state.current),
    ...(unowned ? ["its settings are not registered there"] : []),
    ...(wish.place === undefined ? [] : state.unplaced),
    ...(wish.boot && state.boot !== bootDigest(state.record)
      ? ["heye-restore.service or one of its files is missing or altered"]
      : []),
  ];
}

function isDone(state: SettingsState, { edits, after }: SettingsPlan): boolean {
  const isRecorded = digestOf(renderSettings(after)) === state.digest && state.boot === bootDigest(after);
  return edits.length === 0 && isRecorded && state.unplaced.length === 0;
}

function leftUndone(state: SettingsState, { edits, after }: SettingsPlan): string[] {
  const files = state.boot === bootDigest(after) ? [] : ["the files of restoring at boot are not as written"];
  return [...settingDifferences(Object.fromEntries(edits), state.current), ...files, ...state.unplaced];
}

function changeInput(state: SettingsState, plan: SettingsPlan, wish: SettingsWish | undefined): string {
  const edits = Object.fromEntries(plan.edits);
  const sets = sysctlsAmong(edits).map(([name, value]) => `set ${sysctlPath(name)} ${value}\n`);
  const timeouts = timeoutArguments(edits);
  return [
    `expect ${state.digest}\n`,
    // What is read back: the record written by then may not name what has just been given back.
    nameLines({ ...wish?.values, ...edits }),
    tagged("during", renderSettings(plan.during)),
    tagged("after", renderSettings(plan.after)),
    ...sets,
    timeouts === undefined ? "" : `timeouts ${timeouts}\n`,
    state.boot === bootDigest(plan.after) ? "" : bootLines(plan.after),
    "complete\n",
  ].join("");
}

function bootLines(after: SettingsRecord): string {
  const files = bootFiles(after);
  if (files === undefined) return "boot off\n";
  return `boot on\n${tagged("unit", files.unit)}${tagged("script", files.script)}${tagged("modules", files.modules)}`;
}

/** Each line of a text behind a word. */
function tagged(word: string, text: string): string {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => `${word} ${line}\n`)
    .join("");
}

function nameLines(values: KernelValues): string {
  const names = sysctlsAmong(values).map(([name]) => `name ${sysctlPath(name)}\n`);
  return names.join("");
}

function parseReport(
  director: string,
  result: CommandResult,
): { outcome: string; lines: string[]; state: SettingsState; messages: string } {
  const fault = answerFault(director, result);
  if (fault) throw fault;
  const lines = result.stdout.split("\n");
  const outcome = lines[0]?.replace(/^heye 1 /, "") ?? "";
  if (outcome === "unwritable") throw new NotWritableError(director, lines.slice(1).join(" ").trim());
  const end = lines.indexOf("end");
  if (end < 0 || !["settings", "applied", "changed"].includes(outcome))
    throw new UnexpectedAnswerError(director, "its settings", result.stderr.trim() || result.stdout.trim());
  const told = lines.slice(1, end);
  const file = told.flatMap((line) => (line.startsWith("file ") ? [`${line.slice(5)}\n`] : [])).join("");
  const record = parseSettings(file);
  if (!record)
    throw new UnexpectedAnswerError(director, "a record of format 1 in /var/lib/heye/settings", file);
  const boot = told.find((line) => line.startsWith("boot "))?.slice(5) ?? digestOf("");
  const unplaced = told.flatMap((line) => {
    const [, address, device] = /^unplaced (\S+) (\S+)$/.exec(line) ?? [];
    return address === undefined ? [] : [`address ${address} is missing on ${device}`];
  });
  const state = { record, digest: digestOf(file), current: parseValues(told), boot, unplaced };
  return { outcome, lines: told, state, messages: lines.slice(end + 1).join("\n") };
}

function parseValues(lines: readonly string[]): KernelValues {
  const values: Record<string, string> = {};
  for (const line of lines) {
    const [, path, value] = /^sysctl (\S+) ?(.*)$/.exec(line) ?? [];
    if (path !== undefined) values[sysctlOfPath(path)] = tidy(value ?? "");
    const timeouts = /^Timeout \(tcp tcpfin udp\): (\d+) (\d+) (\d+)$/.exec(line);
    if (timeouts) {
      Object.values(TIMEOUT_KEYS).forEach((key, index) => {
        values[key] = timeouts[index + 1] ?? "";
      });
    }
  }
  return values;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
