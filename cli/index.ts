#!/usr/bin/env node
/** The `heye` command: finds the subcommand, loads only what that one needs. */
import { AGENT_COMMANDS, agentCommand } from "./agent";

interface Command {
  readonly summary: string;
  readonly run: (argv: string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  lab: {
    summary: "real directors, servers, a switch and a client on this machine",
    run: async (argv) => (await import("../lab/command.js")).labCommand(argv),
  },
  ...Object.fromEntries(
    (Object.keys(AGENT_COMMANDS) as (keyof typeof AGENT_COMMANDS)[]).map((name): [string, Command] => [
      name,
      { summary: AGENT_COMMANDS[name], run: (argv) => agentCommand(name, argv) },
    ]),
  ),
  api: {
    summary: "a raw request of an agent's REST API: METHOD PATH",
    run: async (argv) => (await import("./api.js")).apiCommand(argv),
  },
  "realserver-config": {
    summary: "what a real server needs for dr or tun",
    run: async (argv) => (await import("./realserver-config.js")).realServerConfigCommand(argv),
  },
};

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(18)} ${summary}`);
  return `usage: heye COMMAND ...     in a clone: npm run heye -- COMMAND ...\n\n${rows.join("\n")}\n\n\`heye COMMAND --help\` tells more.\n`;
}

async function main([name = "--help", ...argv]: string[]): Promise<number> {
  if (name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(help());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command) return run(name, command, argv);
  process.stderr.write(`heye: there is no command ${JSON.stringify(name)}\n\n${help()}`);
  return 2;
}

/** Runs a command; an option that it does not have is told with where they all stand. */
async function run(name: string, command: Command, argv: string[]): Promise<number> {
  try {
    return await command.run(argv);
  } catch (error) {
    if (
      !(error instanceof TypeError) ||
      !("code" in error) ||
      !String(error.code).startsWith("ERR_PARSE_ARGS")
    )
      throw error;
    // Behind the first sentence it is about arguments that no command has.
    const [what] = error.message.split(/\.\s/, 1);
    process.stderr.write(`heye ${name}: ${what}. \`heye ${name} --help\` has all options.\n`);
    return 2;
  }
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`heye: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
