/** `heye status`, `explain`, `drain`, `undrain`, `store`: asks the agents of directors. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { AGENT_FILES } from "../director/agent-files";

/** The agent's own command on a director. */
const COMMAND = AGENT_FILES.command;

/** What can be asked, and what it says. */
export const AGENT_COMMANDS = {
  status: "what the agents of directors see: virtual servers, weights, health",
  explain: "why a real server has the weight it has: ADDRESS:PORT",
  drain: "let a real server take no new connections: ADDRESS:PORT",
  undrain: "let it take some again: ADDRESS:PORT",
  store: "what directors share by etcd: check, backup FILE, restore FILE, accept",
} as const;

type AgentCommand = keyof typeof AGENT_COMMANDS;

const USAGE = `usage: heye status|explain|drain|undrain [ADDRESS:PORT] WHERE [--service KEY] [--json]
       heye store check|backup|restore|accept [FILE] WHERE [--json]     FILE is one on the director

WHERE:  --lab NAME           all directors of a lab, or those named by --director
        --host [USER@]HOST   a director, by ssh; can be given several times

KEY is a virtual server's, such as "tcp 192.0.2.1:80". Without it a drain concerns every virtual server that has the server.
`;

/** Runs one of {@link AGENT_COMMANDS}. Returns the exit status: 0 when every director answered. */
export async function agentCommand(command: AgentCommand, argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      lab: { type: "string" },
      director: { type: "string", multiple: true },
      host: { type: "string", multiple: true },
      service: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const wrong = values.help ? "" : problem(command, positionals, values);
  if (values.help || wrong !== undefined) {
    process.stderr.write(wrong ? `heye ${command}: ${wrong}\n\n${USAGE}` : USAGE);
    return values.help ? 0 : 2;
  }
  const words = [
    command,
    ...positionals,
    ...(values.service === undefined ? [] : ["--service", values.service]),
    ...(values.json ? ["--json"] : []),
  ];
  const asked =
    values.lab === undefined ? (values.host ?? []).map(overSsh(words)) : await inLab(values, words);
  const codes = await Promise.all(asked);
  return codes.every((code) => code === 0) ? 0 : 1;
}

interface Where {
  readonly lab?: string | undefined;
  readonly host?: string[] | undefined;
  readonly director?: string[] | undefined;
  readonly service?: string | undefined;
}

/** What cannot be asked so; undefined: nothing is wrong. ssh hands words to a shell, so they are looked at before. */
function problem(command: AgentCommand, words: readonly string[], where: Where): string | undefined {
  if ((where.lab === undefined) === (where.host === undefined)) return "expected --lab or --host";
  const wrong = command === "store" ? storeProblem(words) : subjectProblem(command, words);
  if (wrong !== undefined) return wrong;
  if (where.service !== undefined && !/^(tcp|udp|sctp|fwmark) [0-9a-f.:[\] -]+\d*$/.test(where.service))
    return `expected a virtual server as a status shows it, found ${JSON.stringify(where.service)}`;
  return where.host?.map(hostProblem).find((one) => one !== undefined);
}

/** Why a text is no login that ssh may be given; undefined: it is one. */
export function hostProblem(host: string): string | undefined {
  const isHost = /^[A-Za-z0-9_][A-Za-z0-9_.@:[\]-]*$/.test(host);
  return isHost ? undefined : `expected [USER@]HOST, found ${JSON.stringify(host)}`;
}

function subjectProblem(command: AgentCommand, [server, ...more]: readonly string[]): string | undefined {
  if ((command === "status") !== (server === undefined))
    return command === "status" ? "expected no ADDRESS:PORT" : "expected an ADDRESS:PORT";
  if (more.length > 0) return `expected nothing after ${server}, found ${JSON.stringify(more[0])}`;
  if (server !== undefined && !/^(\d+(\.\d+){3}|\[[0-9a-f:.]+\]):\d+$/.test(server))
    return `expected ADDRESS:PORT as a status shows it, found ${JSON.stringify(server)}`;
  return undefined;
}

function storeProblem([action = "", file, ...more]: readonly string[]): string | undefined {
  const takesFile = action === "backup" || action === "restore";
  if (!takesFile && action !== "check" && action !== "accept")
    return `expected check, backup, restore or accept, found ${JSON.stringify(action)}`;
  if (takesFile !== (file !== undefined) || more.length > 0)
    return takesFile ? `expected one FILE after ${action}` : `expected nothing after ${action}`;
  if (file !== undefined && !/^\/[A-Za-z0-9_./-]+$/.test(file))
    return `expected a whole path of letters, digits, dots, dashes and underscores, found ${JSON.stringify(file)}`;
  return undefined;
}

async function inLab({ lab, director: named }: Where, words: readonly string[]): Promise<Promise<number>[]> {
  const { Lab } = await import("../lab/index.js");
  const running = Lab.attach(lab ?? "");
  const directors = running.inventory.directors.map(({ name }) => name);
  return (named ?? directors).map(async (director) => {
    const { code, stdout, stderr } = await running.exec(director, [COMMAND, ...words]);
    process.stdout.write(stdout);
    process.stderr.write(stderr && `${director}: ${stderr}`);
    return code ?? 1;
  });
}

/** The words are quoted for the shell there: they hold no quotes, see {@link problem}. */
function overSsh(words: readonly string[]): (host: string) => Promise<number> {
  return async (host) => {
    const quoted = words.map((word) => `'${word}'`);
    const child = spawn("ssh", ["-o", "BatchMode=yes", "--", host, COMMAND, ...quoted], { stdio: "inherit" });
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  };
}
