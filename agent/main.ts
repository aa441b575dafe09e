/** The `heye-agent` program: the daemon, and what an operator asks of it on its director. */
import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import { AGENT_SOCKET } from "../director/data";
import { ask, COMMANDS, type Command } from "./ask";
import { askApi } from "./ask-api";
import { runAgent } from "./daemon";
import { runKubernetes } from "./kubernetes";
import { openLog } from "./log";

declare const HEYE_AGENT_VERSION: string;

const USAGE = `usage: heye-agent run [--state DIR] [--socket PATH] [--poll-ms N]
       heye-agent status [--json]
       heye-agent explain ADDRESS:PORT [--json]
       heye-agent explain flow CLIENT:PORT ADDRESS:PORT [--send] [--json]
                                            which real server a client's connection gets here; --send: the kernel is
                                            asked too, by the first packet of that connection. It leaves the director
                                            for no server, and its entry in the connection table is closed at once
       heye-agent drain ADDRESS:PORT [--service KEY]     until told otherwise; "tcp 192.0.2.1:80" is a key
       heye-agent undrain ADDRESS:PORT [--service KEY]
       heye-agent api METHOD PATH [--data JSON|-] [--if-match TAG] [--include]     a raw request of the REST API;
                                            --include: with its header fields, such as the etag
       heye-agent store check [--json]      whether etcd's content agrees with itself, and who follows it
       heye-agent store backup FILE         writes what is shared to a file
       heye-agent store restore FILE        puts a file in its place, as a new revision
       heye-agent store accept              follows it although it was emptied, put back or is another's
       heye-agent maintenance on [--reason TEXT] | off   whether /readyz says that packets may be sent here
       heye-agent top [--once] [--json]                  what is carried, every 2 s; --json: a line for each look
       heye-agent metrics                                in Prometheus' text format
       heye-agent relay                                  joins standard input and output to the agent's socket
       heye-agent kubernetes [--help]     the controller for Kubernetes, where its file lies beside this one
       heye-agent version
`;

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "kubernetes") return runKubernetes(argv.slice(1), openLog(), HEYE_AGENT_VERSION);
  const given = argumentsIn(argv);
  if (given instanceof Error) {
    process.stderr.write(`heye-agent: ${given.message}\n\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = given;
  const [command, ...words] = positionals;
  if (values.help || command === "help") {
    process.stdout.write(USAGE);
    return 0;
  }
  if (command === "version") {
    process.stdout.write(`${HEYE_AGENT_VERSION}\n`);
    return 0;
  }
  if (command === "run") return run(values.state, values.socket, Number(values["poll-ms"]));
  const [method, path] = words;
  if (command === "api" && method !== undefined && path !== undefined)
    return askApi({ method, path, ...values, ifMatch: values["if-match"] });
  if (isQuestion(command)) return ask({ command, words, ...values });
  process.stderr.write(USAGE);
  return 2;
}

/** What a command line says; an error: it cannot be read. */
function argumentsIn(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        state: { type: "string", default: "/var/lib/heye" },
        socket: { type: "string", default: AGENT_SOCKET },
        "poll-ms": { type: "string", default: "2000" },
        service: { type: "string" },
        reason: { type: "string" },
        once: { type: "boolean", default: false },
        send: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        data: { type: "string" },
        "if-match": { type: "string" },
        include: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return error as Error;
  }
}

function isQuestion(command: string | undefined): command is Command {
  return command !== undefined && (COMMANDS as readonly string[]).includes(command);
}

async function run(state: string, socket: string, pollMs: number): Promise<number> {
  const log = openLog();
  const ending = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => ending.abort());
  try {
    await runAgent(
      {
        state,
        socket,
        ready: `${socket.replace(/\.sock$/, "")}.ready`,
        pollMs,
        version: HEYE_AGENT_VERSION,
        log,
      },
      ending.signal,
    );
    return 0;
  } catch (error) {
    log.fatal(
      { event: "end", error: error instanceof Error ? error.message : String(error) },
      "the agent ends",
    );
    return 1;
  }
}

if (isMainThread) {
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`heye-agent: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
} else {
  // The program is one file, so the thread that searches answers for regular expressions is started from it too.
  void import("../health/regex-thread.js");
}
