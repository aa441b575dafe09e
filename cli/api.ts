/** `heye api`: raw requests of the API of a director's agent, for scripts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { AGENT_FILES } from "../director/agent-files";
import { directorAmong, hostProblem, saidWithoutAgent } from "./directors";

const USAGE = `usage: heye api METHOD PATH WHERE [--data JSON|-] [--if-match TAG] [--include]

Makes a request of the REST API of one director's agent, and prints the body of its answer. Exits with 0 for an answer below 400.

PATH     such as /v1/virtual-servers or "/v1/virtual-servers/tcp-192.0.2.1-80?dry-run=true"
WHERE    --host [USER@]HOST               a director, by ssh
         --lab NAME [--director NAME]     a director of a lab; the first one where none is named
--data   the body; -: it is on standard input
--include   print the header fields of the answer too: its etag is what --if-match takes. With HEAD there is nothing else
`;

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Runs `heye api`. Returns the exit status. */
export async function apiCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      lab: { type: "string" },
      director: { type: "string" },
      host: { type: "string" },
      data: { type: "string" },
      "if-match": { type: "string" },
      include: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [method = "", path = ""] = positionals;
  const wrong = values.help ? "" : problem(method, path, values);
  if (wrong !== undefined) {
    process.stderr.write(wrong ? `heye api: ${wrong}\n\n${USAGE}` : USAGE);
    return values.help ? 0 : 2;
  }
  const body = values.data === "-" ? await text(process.stdin) : values.data;
  const tag = values["if-match"];
  const words = [
    ...["api", method, path],
    ...(body === undefined ? [] : ["--data", "-"]),
    ...(tag === undefined ? [] : ["--if-match", tag]),
    ...(values.include ? ["--include"] : []),
  ];
  if (values.host !== undefined) return overSsh(values.host, words, body);
  return inLab(values.lab ?? "", values.director, words, body);
}

interface Where {
  readonly lab?: string | undefined;
  readonly host?: string | undefined;
  readonly "if-match"?: string | undefined;
}

/** What cannot be asked so; undefined: nothing is wrong. ssh hands words to a shell, so they are looked at before. */
function problem(method: string, path: string, { lab, host, "if-match": tag }: Where): string | undefined {
  if (!METHODS.includes(method))
    return `expected one of ${METHODS.join(", ")}, found ${JSON.stringify(method)}`;
  if (!/^\/[A-Za-z0-9._~:/[\]%?=&-]*$/.test(path))
    return `expected a path such as /v1/status, its special characters percent-encoded, found ${JSON.stringify(path)}`;
  if (tag !== undefined && !/^(\*|"[0-9a-f]+")$/.test(tag))
    return `expected an entity tag with its quotes, or *, found ${JSON.stringify(tag)}`;
  if ((lab === undefined) === (host === undefined)) return "expected --lab or --host";
  return host === undefined ? undefined : hostProblem(host);
}

/** The words are quoted for the shell there: they hold no single quotes, see {@link problem}. */
async function overSsh(host: string, words: readonly string[], body: string | undefined): Promise<number> {
  const quoted = words.map((word) => `'${word}'`);
  const child = spawn("ssh", ["-o", "BatchMode=yes", "--", host, AGENT_FILES.command, ...quoted], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  child.stdin.on("error", () => undefined).end(body ?? "");
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

async function inLab(
  name: string,
  director: string | undefined,
  words: readonly string[],
  body: string | undefined,
): Promise<number> {
  const { Lab } = await import("../lab/index.js");
  const lab = Lab.attach(name);
  const all = lab.inventory.directors.map(({ name: one }) => one);
  const { code, stdout, stderr } = await lab.exec(
    directorAmong(all, director ?? all[0] ?? ""),
    [AGENT_FILES.command, ...words],
    body === undefined ? {} : { stdin: body },
  );
  process.stdout.write(stdout);
  process.stderr.write(saidWithoutAgent(stderr));
  return code ?? 1;
}
