/** `heye lab ...`. */

import type { LabCommand } from "./commands/command";
import { down } from "./commands/down";
import { exec } from "./commands/exec";
import { fault } from "./commands/fault";
import { ssh } from "./commands/ssh";
import { status } from "./commands/status";
import { traffic } from "./commands/traffic";
import { up } from "./commands/up";
import { LabError } from "./errors";

const COMMANDS: Readonly<Record<string, LabCommand>> = { up, down, status, exec, ssh, fault, traffic };

/**
 * Runs one command of the lab and returns its exit code: 2 for an unknown command. Errors of the lab are printed for
 * people and give 1; anything else is thrown.
 */
export async function labCommand(argv: string[]): Promise<number> {
  const [name = "--help", ...rest] = argv;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    const asked = name === "--help" || name === "-h" || name === "help";
    (asked ? process.stdout : process.stderr).write(
      asked ? overview() : `heye lab: unknown command ${name}\n\n${overview()}`,
    );
    return asked ? 0 : 2;
  }
  if (rest[0] === "--help" || rest[0] === "-h") {
    process.stdout.write(help(command));
    return 0;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    process.stderr.write(`heye lab ${name}: ${error.message}\n`);
    return 1;
  }
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}\n`);
  return `usage: heye lab COMMAND ...\n\n${rows.join("")}\n\`heye lab COMMAND --help\` tells more.\n`;
}

function help(command: LabCommand): string {
  const details = command.details.map((line) => `  ${line}`.trimEnd());
  return `usage: heye lab ${command.usage}\n\n${command.summary}\n\n${details.join("\n")}\n`;
}
