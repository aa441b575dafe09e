/** `heye status`, `top`, `explain`, `drain`, `undrain`, `maintenance`, `store`: asks the agents of directors. */
import { parseArgs } from "node:util";
import { usageOf } from "./agent-usage";
import { clusterText, DIRECTOR_STATUS, type Told } from "./cluster-status";
import { type Asked, directorsAt, type Where, whereProblem } from "./directors";

/** What can be asked, and what it says. */
export const AGENT_COMMANDS = {
  status: "what the agents of directors see: virtual servers, weights, health, where directors differ",
  top: "what directors carry, the busiest virtual server first, every 2 s",
  explain:
    "why a real server has the weight it has (ADDRESS:PORT); where a flow goes (flow CLIENT:PORT ADDRESS:PORT)",
  drain: "let a real server take no new connections: ADDRESS:PORT",
  undrain: "let it take some again: ADDRESS:PORT",
  store: "what directors share by etcd: check, backup FILE, restore FILE, accept",
  maintenance: "whether directors say that packets may be sent to them: on, off",
} as const;

/** One of {@link AGENT_COMMANDS}. */
export type AgentCommand = keyof typeof AGENT_COMMANDS;

const ONE_RESTORES =
  "expected one director to restore on (--host, or --lab with --director): each would put the file that it has there in the place of " +
  "what all share, and the last one would win";

/** What stands behind a command. */
interface Given extends Where {
  readonly send: boolean;
  readonly words: readonly string[];
  readonly service?: string | undefined;
  readonly reason?: string | undefined;
}

/** Runs one of {@link AGENT_COMMANDS}. Returns the exit status: 0 when every director answered. */
export async function agentCommand(command: AgentCommand, argv: string[]): Promise<number> {
  const { values, positionals: words } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      lab: { type: "string" },
      director: { type: "string", multiple: true },
      host: { type: "string", multiple: true },
      service: { type: "string" },
      reason: { type: "string" },
      each: { type: "boolean", default: false },
      send: { type: "boolean", default: false },
      once: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const wrong = values.help ? "" : problem(command, { ...values, words });
  if (values.help || wrong !== undefined) {
    const usage = usageOf(command);
    process.stderr.write(wrong ? `heye ${command}: ${wrong}\n\n${usage}` : usage);
    return values.help ? 0 : 2;
  }
  const directors = await directorsAt(values);
  if (command === "store" && words[0] === "restore" && directors.length !== 1) {
    process.stderr.write(`heye store: ${ONE_RESTORES}, found ${directors.length}\n`);
    return 2;
  }
  if (command === "top") return (await import("./top.js")).top(directors, values.once);
  if (command === "status" && directors.length > 1 && !values.each && !values.json) return status(directors);
  return each(directors, [
    ...[command, ...words],
    ...(values.service === undefined ? [] : ["--service", values.service]),
    ...(values.reason === undefined ? [] : ["--reason", values.reason]),
    ...(values.send ? ["--send"] : []),
    ...(values.json ? ["--json"] : []),
  ]);
}

/** What cannot be asked so; undefined: nothing is wrong. ssh hands words to a shell, so they are looked at before. */
function problem(command: AgentCommand, given: Given): string | undefined {
  const { words, service, reason, send } = given;
  const wrong = whereProblem(given) ?? wordsProblem(command, words);
  if (wrong !== undefined) return wrong;
  if (send && (command !== "explain" || words[0] !== "flow"))
    return "expected --send with explain flow alone";
  if (service !== undefined && !/^(tcp|udp|sctp|fwmark) [0-9a-f.:[\] -]+\d*$/.test(service))
    return `expected a virtual server as a status shows it, found ${JSON.stringify(service)}`;
  if (reason !== undefined && !/^[^'\p{C}]*$/u.test(reason))
    return `expected a reason without single quotes, found ${JSON.stringify(reason)}`;
  return undefined;
}

function wordsProblem(command: AgentCommand, words: readonly string[]): string | undefined {
  if (command === "status" || command === "top")
    return words.length === 0 ? undefined : "expected nothing behind it";
  if (command === "store") return storeProblem(words);
  if (command === "maintenance")
    return words.length === 1 && /^(on|off)$/.test(words[0] ?? "") ? undefined : "expected on or off";
  const isFlow = command === "explain" && words[0] === "flow";
  const places = isFlow ? words.slice(1) : words;
  if (places.length !== (isFlow ? 2 : 1))
    return isFlow ? "expected CLIENT:PORT ADDRESS:PORT" : "expected an ADDRESS:PORT";
  const odd = places.find((one) => !/^(\d+(\.\d+){3}|\[[0-9a-f:.]+\]):\d+$/.test(one));
  return odd === undefined
    ? undefined
    : `expected ADDRESS:PORT as a status shows it, found ${JSON.stringify(odd)}`;
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

async function each(directors: readonly Asked[], words: readonly string[]): Promise<number> {
  // All are asked at once, and told in their order.
  const asked = directors.map(async ({ name, run }) => ({ name, ended: await run(words) }));
  let code = 0;
  for (const { name, ended } of await Promise.all(asked)) {
    process.stdout.write(directors.length > 1 ? named(name, words, ended.stdout) : ended.stdout);
    if (ended.stderr !== "") process.stderr.write(`${name}: ${ended.stderr}`);
    if (ended.code !== 0) code = 1;
  }
  return code;
}

/**
 * What one of several directors said, so that it shows whose answer it is: a status says that by itself, one line begins with the
 * name, and more than one follow it. JSON stays as it is.
 */
export function named(name: string, words: readonly string[], stdout: string): string {
  if (stdout === "" || words[0] === "status" || words.includes("--json")) return stdout;
  if (words[0] === "explain" && words[1] === "flow") return stdout.replace(/^(?=\S)/gm, `${name}  `);
  return /\n./.test(stdout) ? `${name}:\n${stdout.trimEnd()}\n\n` : `${name}: ${stdout}`;
}

/** Several directors as one cluster. */
async function status(directors: readonly Asked[]): Promise<number> {
  const [told, silent]: [Told[], string[]] = [[], []];
  await Promise.all(
    directors.map(async ({ name, run }) => {
      const { code, stdout, stderr } = await run(["status", "--json"]);
      if (code === 0) told.push({ name, status: DIRECTOR_STATUS.parse(JSON.parse(stdout)) });
      else {
        silent.push(name);
        process.stderr.write(`${name}: ${stderr}`);
      }
    }),
  );
  const place = new Map(directors.map(({ name }, index) => [name, index]));
  told.sort((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0));
  process.stdout.write(clusterText(told, silent, Date.now()));
  return silent.length === 0 ? 0 : 1;
}
