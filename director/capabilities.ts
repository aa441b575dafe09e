import { RIVALS, type Rival, SCHEDULERS, type Scheduler } from "../spec";

/** What a director is, and what it can do. */
export interface Capabilities {
  /** `uname -r` */
  readonly kernel: string;
  /** What `ipvsadm --version` says. */
  readonly ipvsadm: string;
  /** `uname -m` */
  readonly architecture: string;
  /** PRETTY_NAME of /etc/os-release; empty where there is none. */
  readonly distribution: string;
  /** Schedulers whose module is loaded, built in or can be loaded. */
  readonly schedulers: readonly Scheduler[];
  /** Its kernel knows IPv6. */
  readonly ipv6: boolean;
  /** An agent keeps its table, whoever has put it there. */
  readonly hasAgent: boolean;
  /** How far its clock is ahead of ours, in milliseconds. */
  readonly clockSkewMs: number;
  /** How wrong that may be: half of what the answer took. */
  readonly clockErrorMs: number;
  /** Other programs that manage IPVS there. */
  readonly rivals: readonly RivalSign[];
}

/** Another program that manages IPVS on a director, and how one knows. */
export interface RivalSign {
  readonly rival: Rival;
  readonly evidence: string;
}

/** When a report was asked for and when it had come, by our clock, in milliseconds since the epoch. */
export interface Moments {
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** Reads the lines of a report (settings-script.ts) that say what a director is. */
export function parseCapabilities(lines: readonly string[], { sentMs, receivedMs }: Moments): Capabilities {
  const all = (word: string) => wordsBehind(lines, word);
  const first = (word: string) => all(word)[0] ?? "";
  const modules = new Set(all("module"));
  const clocks = all("clock").map((text) => Math.round(Number(text) * 1_000));
  const [started = Number.NaN, ended = Number.NaN] = clocks;
  return {
    kernel: first("kernel"),
    ipvsadm: first("ipvsadm"),
    architecture: first("architecture"),
    distribution: first("distribution").replace(/^["']|["']$/g, ""),
    schedulers: SCHEDULERS.filter((name) => modules.has(`ip_vs_${name}`)),
    ipv6: !lines.includes("without ipv6"),
    hasAgent: lines.includes("with agent"),
    // As NTP reckons: what the way there and the way back took cancels out as far as both took the same.
    clockSkewMs: Math.round((started - sentMs + (ended - receivedMs)) / 2),
    clockErrorMs: Math.ceil((receivedMs - sentMs - (ended - started)) / 2),
    rivals: parseRivals(lines),
  };
}

/** Reads the lines of a report that tell of other programs which manage IPVS. */
export function parseRivals(lines: readonly string[]): RivalSign[] {
  const keepalived = wordsBehind(lines, "keepalived").map(parseProcess);
  const rivals: RivalSign[] = [];
  if (runsCheckers(keepalived, new Set(wordsBehind(lines, "harmless"))))
    rivals.push({ rival: RIVALS[0], evidence: `process ${keepalived[0]?.pid}, with checkers` });
  if (lines.includes("kube-proxy")) rivals.push({ rival: RIVALS[1], evidence: "interface kube-ipvs0" });
  return rivals;
}

/** What follows a word on the lines that begin with it. */
function wordsBehind(lines: readonly string[], word: string): string[] {
  return lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
}

/** A process called keepalived, in the director's own network. */
export interface KeepalivedProcess {
  readonly pid: string;
  readonly parent: string;
  readonly name: string;
  readonly arguments: string;
}

function parseProcess(text: string): KeepalivedProcess {
  const [pid = "", parent = "", name = "", ...words] = text.split(" ");
  return { pid, parent, name, arguments: words.join(" ").trim() };
}

/**
 * Whether a keepalived manages IPVS. Its parent process has a child for each thing it does, all of the same name by
 * default; those for VRRP and BFD are known by their PID files. One without children has just been started, or is none
 * that we understand: in doubt it has checkers.
 */
export function runsCheckers(
  processes: readonly KeepalivedProcess[],
  harmless: ReadonlySet<string>,
): boolean {
  const pids = new Set(processes.map(({ pid }) => pid));
  const parents = processes.filter(({ parent }) => !pids.has(parent));
  return parents.some((parent) => {
    if (/(^| )(-[A-Za-z]*P|--vrrp)( |$)/.test(parent.arguments)) return false;
    const children = processes.filter((one) => one.parent === parent.pid);
    const checkers = children.filter(({ pid, name }) => !harmless.has(pid) && !/_(vrrp|bfd)$/.test(name));
    return children.length === 0 || checkers.length > 0;
  });
}

/** Further apart than this, and times in logs mislead. */
const SKEW_WARNING_MS = 2_000;

/**
 * What should be known about directors that are to be in step: clocks that are far off, and programs of different
 * versions.
 */
export function stepWarnings(nodes: Readonly<Record<string, Capabilities>>): string[] {
  const entries = Object.entries(nodes);
  const clocks = entries
    .filter(([, { clockSkewMs }]) => Math.abs(clockSkewMs) > SKEW_WARNING_MS)
    .map(
      ([name, { clockSkewMs }]) =>
        `director ${name}: its clock is ${Math.abs(clockSkewMs)} ms ${clockSkewMs > 0 ? "ahead of" : "behind"} this machine's; times in its logs mislead. Run an NTP client there.`,
    );
  const versions = (["kernel", "ipvsadm"] as const).flatMap((field) => {
    const by = new Map<string, string[]>();
    for (const [name, node] of entries) by.set(node[field], [...(by.get(node[field]) ?? []), name]);
    if (by.size < 2) return [];
    const list = [...by].map(([version, names]) => `${version} (${names.join(", ")})`).join(", ");
    return [
      `directors differ in ${field}: ${list}. Schedulers may choose differently, and options that one knows another may refuse.`,
    ];
  });
  return [...clocks, ...versions];
}

/**
 * A skew for the outputs: in tenths of a second, and the one told before while the new one does not prove otherwise, so
 * that a refresh that finds nothing shows nothing.
 */
export function steadySkewMs(
  { clockSkewMs, clockErrorMs }: Pick<Capabilities, "clockSkewMs" | "clockErrorMs">,
  before: number | undefined,
): number {
  const slackMs = clockErrorMs + 250;
  if (before !== undefined && Math.abs(clockSkewMs - before) <= slackMs) return before;
  if (Math.abs(clockSkewMs) <= slackMs) return 0;
  return Math.round(clockSkewMs / 100) * 100;
}
