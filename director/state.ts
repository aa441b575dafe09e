import { createHash } from "node:crypto";
import { parseTable, type Table, TableSyntaxError } from "../ipvs";
import { BusyError, NotCapableError, NotWritableError, UnexpectedAnswerError } from "./errors";
import type { Registry } from "./registry";
import { parseRegistry } from "./registry-format";
import type { CommandResult } from "./ssh-session";

/** Everything a director tells about itself at one moment. */
export interface DirectorState {
  /** `uname -r` */
  readonly kernel: string;
  readonly registry: Registry;
  readonly table: Table;
  /** SHA-256 of registry and table as they lie there: what a change is conditional on. */
  readonly digest: string;
}

/** A director's answer to a read or a change. */
export interface Answer {
  /** `changed`: the condition did not hold, nothing was done. */
  readonly outcome: "state" | "applied" | "changed";
  readonly state: DirectorState;
  /** After a read: ipvsadm's version. After a change: its complaints (the exit status of --restore means nothing). */
  readonly messages: string;
}

/**
 * Reads what the scripts of script.ts print.
 *
 * @throws NotCapableError, NotWritableError, BusyError, UnexpectedAnswerError
 */
export function parseAnswer(director: string, result: CommandResult): Answer {
  const fault = answerFault(director, result);
  if (fault) throw fault;
  const lines = result.stdout.split("\n");
  const outcome = /^heye 1 (.+)$/.exec(lines[0] ?? "")?.[1];
  if (outcome === "unwritable") throw new NotWritableError(director, lines.slice(1).join(" ").trim());
  const end = lines.indexOf("end");
  if (result.exitCode !== 0 || end < 3) throw failed(director, result);
  if (outcome !== "state" && outcome !== "applied" && outcome !== "changed") throw failed(director, result);
  const kernel = lines[1] ?? "";
  const start =
    lines[2] === "-"
      ? 3
      : Math.max(
          2,
          lines.findIndex((line, index) => index >= 2 && /^(-|end$)/.test(line)),
        );
  const registryText =
    lines[2] === "-"
      ? ""
      : lines
          .slice(2, start)
          .map((line) => `${line}\n`)
          .join("");
  const tableText = lines
    .slice(start, end)
    .map((line) => `${line}\n`)
    .join("");
  const registry = parseRegistry(registryText);
  if (!registry)
    throw new UnexpectedAnswerError(
      director,
      "a registry of format 1 or 2 in /var/lib/heye",
      registryText.split("\n", 1)[0] ?? "",
    );
  const digest = createHash("sha256").update(registryText).update(tableText).digest("hex");
  const state = { kernel, registry, table: readTable(director, tableText), digest };
  return { outcome, state, messages: lines.slice(end + 1).join("\n") };
}

/** What every script may answer in place of its own answer; undefined when it is none of that. */
export function answerFault(director: string, result: CommandResult): Error | undefined {
  const outcome = /^heye 1 (.+)/.exec(result.stdout)?.[1];
  if (outcome === undefined) return failed(director, result);
  if (outcome.startsWith("missing ")) return missingTool(director, outcome.slice("missing ".length));
  if (outcome === "busy") return new BusyError(director, "another run has held its lock for 20 s");
  if (outcome.startsWith("unsafe ")) return unsafeFolder(director, outcome.slice("unsafe ".length));
  if (outcome === "truncated")
    return new UnexpectedAnswerError(director, "to send the whole change", "a part of it arrived");
  if (outcome !== "unlockable") return undefined;
  const reason = `its flock cannot lock (${result.stderr.trim()})`;
  return new NotCapableError(director, reason, "Install util-linux, whose flock has timeouts.");
}

function readTable(director: string, text: string): Table {
  try {
    return parseTable(text);
  } catch (error) {
    if (!(error instanceof TableSyntaxError)) throw error;
    throw new UnexpectedAnswerError(
      director,
      "an IPVS table as `ipvsadm --save -n` prints it",
      text.split("\n")[error.lineNumber - 1] ?? "",
      "Is `ipvsadm` there the original one, version 1.28 or newer?",
    );
  }
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
      : `Install the package that has it (coreutils, util-linux, sed).`;
  return new NotCapableError(director, `there is no ${tool} on its PATH`, remedy);
}

function failed(director: string, result: CommandResult): Error {
  const said = result.stderr.trim() || result.stdout.trim();
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
  return new UnexpectedAnswerError(director, `its state (exit status ${result.exitCode})`, said);
}
