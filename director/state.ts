import { type Limits, type Table, TableSyntaxError } from "../ipvs";
import {
  AgentOwnsError,
  BusyError,
  NotCapableError,
  NotWritableError,
  UnexpectedAnswerError,
} from "./errors";
import type { Registry } from "./registry";
import { joinLines, parseRegistry, renderRegistry } from "./registry-format";
import { sha256 } from "./sha256";
import type { Reply } from "./shell";
import type { CommandResult } from "./ssh-session";
import { readTableText, type TableText } from "./table-text";

/** Everything a director tells about itself at one moment. */
export interface DirectorState {
  /** `uname -r` */
  readonly kernel: string;
  readonly registry: Registry;
  readonly table: Table;
  /** Thresholds and the kernel's own order, after an inspection; the table does not tell them. */
  readonly limits?: Limits;
  /** The table's lines, sorted. */
  readonly lines: readonly string[];
  /** SHA-256 of the registry's file and of the table's lines: what a change is conditional on. */
  readonly digests: Digests;
  /** The file is as we write it: a change can send the lines that change. If not, it sends them all. */
  readonly canonical: boolean;
}

export interface Digests {
  readonly registry: string;
  readonly table: string;
}

/** A director's answer to a read or a change. */
export interface Answer {
  /** `changed`: the condition did not hold, nothing was done. */
  readonly outcome: "state" | "applied" | "changed";
  readonly state: DirectorState;
  /** What ipvsadm complained of (the exit status of --restore means nothing), or that the registry was not written. */
  readonly messages: string;
  /** The thresholds, where they were asked for: as `ipvsadm --list` prints them, or `same` as the sender knows them. */
  readonly limits?: "same" | { readonly text: string };
  /** See `ChangeAnswer`. Default false. */
  readonly isShared?: boolean;
}

/**
 * Reads what the script prints. Parts that are as the sender expects do not travel: `expected` has what these are, the
 * state known so far after a read or a refusal, the predicted one after a change.
 *
 * @throws NotCapableError, NotWritableError, BusyError, UnexpectedAnswerError
 */
export function parseAnswer(
  director: string,
  reply: Reply,
  expected: { readonly known: DirectorState | undefined; readonly predicted?: DirectorState },
): Answer {
  const all = reply.text.split("\n");
  const begin = Math.max(
    0,
    all.findIndex((line) => line.startsWith("heye 2 ")),
  );
  const lines = all.slice(begin);
  const outcome = /^heye 2 (.+)$/.exec(lines[0] ?? "")?.[1];
  // What a shell itself complains of comes before the answer.
  const said = [...all.slice(0, begin), ...lines.slice(1)].join(" ").trim();
  const refused = outcome && refusal(director, outcome, said);
  if (refused) throw refused;
  if (begin > 0) throw failed(director, reply.text, reply.status);
  if (reply.status !== 0 || (outcome !== "state" && outcome !== "applied" && outcome !== "changed"))
    throw failed(director, reply.text, reply.status);
  const table = lines.findIndex((line) => line.startsWith("= table "));
  const messages = lines.indexOf("= messages");
  const limits = lines.findIndex((line) => line.startsWith("= limits "));
  if (!lines[1]?.startsWith("= registry ") || table < 0 || messages < table)
    throw failed(director, reply.text, reply.status);
  const base = outcome === "applied" ? expected.predicted : expected.known;
  const registryPart =
    lines[1] === "= registry same" && base ? base : readRegistry(director, lines.slice(2, table));
  const tablePart =
    lines[table] === "= table same" && base
      ? base
      : readTable(director, lines.slice(table + 1, limits < 0 ? messages : limits).sort());
  const state: DirectorState = {
    kernel: reply.kernel,
    registry: registryPart.registry,
    canonical: registryPart.canonical,
    table: tablePart.table,
    lines: tablePart.lines,
    digests: { registry: registryPart.digests.registry, table: tablePart.digests.table },
  };
  const same = base && registryPart === base && tablePart === base && base.kernel === reply.kernel;
  return {
    outcome,
    state: same ? base : state,
    ...(limits >= 0 && {
      limits:
        lines[limits] === "= limits same" ? "same" : { text: joinLines(lines.slice(limits + 1, messages)) },
    }),
    messages: lines
      .slice(messages + 1)
      .join("\n")
      .trim(),
  };
}

/** SHA-256 of a table's lines, as the director computes it. */
export function tableDigest(lines: readonly string[]): string {
  return sha256(joinLines(lines));
}

/** Reads the lines of a registry's file. Throws UnexpectedAnswerError. */
export function readRegistry(director: string, lines: readonly string[]) {
  const text = joinLines(lines);
  const registry = parseRegistry(text);
  if (!registry) {
    throw new UnexpectedAnswerError(
      director,
      "a registry of format 1 or 2 in /var/lib/heye",
      (lines[0] ?? "").slice(0, 200),
    );
  }
  const canonical = renderRegistry(registry) === text;
  return { registry, canonical, digests: { registry: sha256(text) } };
}

/** Reads the sorted lines of a table. Throws UnexpectedAnswerError. */
export function readTable(director: string, lines: readonly string[]) {
  // Not a table but what ipvsadm says instead of one.
  if (lines.some((line) => !line.startsWith("-"))) throw failed(director, lines.join("\n"), 1);
  return { ...parsedTable(director, lines), digests: { table: tableDigest(lines) } };
}

function parsedTable(director: string, lines: readonly string[]): TableText {
  try {
    return readTableText(lines);
  } catch (error) {
    if (!(error instanceof TableSyntaxError)) throw error;
    throw new UnexpectedAnswerError(
      director,
      "an IPVS table as `ipvsadm --save -n` prints it",
      error.line,
      "Is `ipvsadm` there the original one, version 1.28 or newer?",
    );
  }
}

/** What every script may answer in place of its own answer; undefined when it is none of that. */
export function answerFault(director: string, result: CommandResult): Error | undefined {
  const outcome = /^heye \d (.+)/.exec(result.stdout)?.[1];
  if (outcome === undefined) return failed(director, result.stderr.trim() || result.stdout, result.exitCode);
  return refusal(director, outcome, result.stderr.trim());
}

/** @param said the words that came with it */
function refusal(director: string, outcome: string, said: string): Error | undefined {
  if (outcome.startsWith("missing ")) return missingTool(director, outcome.slice("missing ".length));
  if (outcome === "agent") return new AgentOwnsError(director);
  if (outcome === "busy") return new BusyError(director, "another run has held its lock for 20 s");
  if (outcome.startsWith("unsafe ")) return unsafeFolder(director, outcome.slice("unsafe ".length));
  if (outcome === "unwritable") return new NotWritableError(director, said);
  if (outcome === "truncated")
    return new UnexpectedAnswerError(director, "to send the whole change", "a part of it arrived");
  if (outcome !== "unlockable") return undefined;
  const reason = `its flock cannot lock (${said})`;
  return new NotCapableError(director, reason, "Install util-linux, whose flock has timeouts.");
}

function unsafeFolder(director: string, folder: string): NotCapableError {
  return new NotCapableError(
    director,
    `expected ${folder} to be a folder of the user that changes it (root), found something else in its place`,
    "See who made it, move it away and run the command again.",
  );
}

function missingTool(director: string, tool: string): NotCapableError {
  const remedy =
    tool === "ipvsadm"
      ? "Install it: `apt-get install ipvsadm` or `dnf install ipvsadm`."
      : `Install the package that has it (coreutils, util-linux, mawk or gawk).`;
  return new NotCapableError(director, `there is no ${tool} on its PATH`, remedy);
}

/** What a director means that said something else than an answer of ours. */
export function failed(director: string, text: string, status: number): Error {
  const said = text.trim();
  if (/^sudo: /m.test(said)) {
    return new NotCapableError(
      director,
      `sudo refused (${said})`,
      "Log in as root, or allow this user `sudo -n sh`.",
    );
  }
  if (/permission denied|operation not permitted/i.test(said)) {
    return new NotCapableError(
      director,
      `the login may not do this (${said})`,
      "Log in as root (inside a container: with CAP_NET_ADMIN), or as a user with passwordless sudo.",
    );
  }
  if (/ipvs|ip_vs|protocol not available/i.test(said)) {
    return new NotCapableError(
      director,
      `its kernel gives no access to IPVS (${said})`,
      "Load the module: `modprobe ip_vs`; where there is none, install the full kernel package.",
    );
  }
  return new UnexpectedAnswerError(director, `its state (exit status ${status})`, said);
}
