import { apiFuzz, bench, chaos, docs, down, heye, quickstart, setUp } from "./commands";
import { describe, UsageError } from "./errors";
import { say } from "./report";
import { test } from "./test";

/** What can follow `sh setup/run.sh`; `clean:all` is done by that script, since it removes this one. */
const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  setup: async () => {
    await setUp();
    return 0;
  },
  quickstart,
  down,
  heye,
  bench,
  chaos,
  "api:fuzz": apiFuzz,
  docs,
  test,
};

async function main([name, ...args]: readonly string[]): Promise<number> {
  const command = name === undefined ? undefined : COMMANDS[name];
  if (command === undefined) {
    throw new UsageError({
      expected: `one of the commands ${Object.keys(COMMANDS).join(", ")}, clean:all`,
      found: name ?? "none",
      next: "npm run, without anything more, lists them",
    });
  }
  return command(args);
}

// run.sh has set it for our downloads; Node read it at its start, and it is not for those whom we start.
delete process.env.NODE_USE_ENV_PROXY;

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    say(describe(error));
    process.exitCode = 1;
  },
);
