import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { configDigest } from "./agent-config";
import { AGENT_UNIT, SUPERVISOR } from "./agent-files";
import { AGENT_VERSION, INSTALL_AGENT, REMOVE_AGENT, SEND_NODE } from "./agent-script";
import type { Director } from "./director";
import { AgentInstallError } from "./errors";

/** The agent's program as it is put on a director. */
export interface AgentProgram {
  /** `0.1.0+1a2b3c4d`: the package's version and the program's digest. */
  readonly version: string;
  readonly text: string;
}

/** An agent that answers on a director. */
export interface RunningAgent {
  readonly version: string;
  /** SHA-256 of the configuration that it started with; "-": it has none. */
  readonly config: string;
}

/** A Node is 40 MB on the way, and an agent that finds a large table reads it first. */
const INSTALL_TIMEOUT_MS = 300_000;

/**
 * Puts the agent on a director, or another version of it in its place, or has it start anew with another configuration, and
 * waits until it answers. The table is not touched: while no agent runs, forwarding goes on as it is. A director without Node
 * gets the one that runs us.
 *
 * @param config what `agentConfigText` returned
 * @param sent it has got one already
 * @returns what had to be done; undefined: nothing. `told anew`: this version ran there already, with another configuration
 * @throws AgentInstallError
 */
export async function installAgent(
  director: Director,
  program: AgentProgram,
  config: string,
  sent = false,
): Promise<"installed" | "told anew" | undefined> {
  const running = await runningAgent(director);
  if (running?.version === program.version && running.config === configDigest(config)) return undefined;
  const parts = [AGENT_UNIT, SUPERVISOR, program.text, config];
  const sizes = parts.map((part) => Buffer.byteLength(part)).join(" ");
  const input = `${program.version} ${configDigest(config)} ${sizes}\n${parts.join("")}`;
  const { outcome, words } = await run(director, INSTALL_AGENT, input, "installing its agent");
  if (outcome === "installed") return running?.version === program.version ? "told anew" : "installed";
  if (outcome === "without node" && !sent) {
    await sendNode(director);
    return installAgent(director, program, config, true);
  }
  const tooOld = `the Node that was sent, ${process.version}, is older than 22`;
  throw new AgentInstallError(director.name, outcome === "without node" ? tooOld : words || outcome);
}

/** The agent that answers; undefined where none does. */
export async function runningAgent(director: Director): Promise<RunningAgent | undefined> {
  const { outcome } = await run(director, AGENT_VERSION, "", "looking for its agent");
  const [, version, config = "-"] = /^runs (\S+) ?(\S+)?$/.exec(outcome) ?? [];
  return version === undefined ? undefined : { version, config };
}

/**
 * Stops the agent and takes everything of it away; the registry and the table stay.
 *
 * @returns whether there was one
 */
export async function removeAgent(director: Director): Promise<boolean> {
  const { outcome, words } = await run(director, REMOVE_AGENT, "", "removing its agent");
  if (outcome === "removed" || outcome === "absent") return outcome === "removed";
  throw new AgentInstallError(director.name, words || outcome);
}

/** `uname -m` for the Node that runs us. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** Gives a director the Node that runs us, where it is of the same kind. */
async function sendNode(director: Director): Promise<void> {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const node = await compressedNode();
  const input = Buffer.concat([Buffer.from(`${architecture} ${node.length}\n`), node]);
  const { outcome, words } = await run(director, SEND_NODE, input, "sending it a Node");
  if (outcome === "sent") return;
  const found = /^other (\S+)$/.exec(outcome)?.[1];
  const why =
    found === undefined ? words || outcome : `it is ${found}, and the Node here is for ${architecture}`;
  throw new AgentInstallError(
    director.name,
    `there is no Node 22 or newer on it, and the one from here is no use (${why}). Install one: its distribution's nodejs, or nodejs.org's`,
  );
}

let compressed: Promise<Buffer> | undefined;

/** 120 MB, a third of that compressed: once for all directors. */
function compressedNode(): Promise<Buffer> {
  compressed ??= readFile(process.execPath).then((node) => promisify(gzip)(node, { level: 1 }));
  return compressed;
}

async function run(
  director: Director,
  script: string,
  input: string | Buffer,
  doing: string,
): Promise<{ outcome: string; words: string }> {
  const { exitCode, stdout, stderr } = await director.execute(script, input, doing, INSTALL_TIMEOUT_MS);
  const [first = "", ...rest] = stdout.trim().split("\n");
  const outcome = /^heye 1 (.+)$/.exec(first)?.[1];
  if (outcome === undefined) {
    const said = `${stderr.trim()} ${stdout.trim()}`.trim();
    throw new AgentInstallError(
      director.name,
      `the script ended with status ${exitCode}: ${said || "no words"}`,
    );
  }
  return { outcome, words: rest.join("\n") };
}
