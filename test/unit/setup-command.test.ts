import { equal, match, ok, rejects } from "node:assert/strict";
import { exitStatus, foreground, run } from "../../setup/command";
import { CommandFailed, describe as explain, ToolMissing } from "../../setup/errors";

describe("running programs for the set-up", () => {
  it("returns stdout and passes arguments as they are", async () => {
    equal(await run("printf", ["%s|", "a b", "$HOME", "'\"`"]), "a b|$HOME|'\"`|");
  });

  it("tells every line of stderr while the program runs", async () => {
    const lines: string[] = [];
    await run("sh", ["-c", "echo one >&2; echo two >&2"], { onLine: (line) => lines.push(line) });
    equal(lines.join(","), "one,two");
  });

  it("quotes the last words of a program that fails, and says what to do", async () => {
    const failing = run("sh", ["-c", "for i in $(seq 40); do echo line $i >&2; done; exit 3"], {
      next: "do this",
    });
    await rejects(failing, (error: unknown) => {
      ok(error instanceof CommandFailed);
      match(error.explanation.found, /status 3[\s\S]*line 40/);
      ok(!error.explanation.found.includes("line 1\n"));
      match(explain(error), /CommandFailed: expected[\s\S]*found:[\s\S]*next: {2}do this/);
      return true;
    });
  });

  it("tells a missing program from one that fails", async () => {
    await rejects(run("no-such-program-of-heye", []), ToolMissing);
    await rejects(foreground("no-such-program-of-heye", [], process.env), ToolMissing);
    await rejects(run("sh", ["-c", "exit 127"]), CommandFailed);
  });

  it("ends a program that takes too long", async () => {
    await rejects(run("sleep", ["60"], { timeout: 100 }), /ended by SIGKILL/);
  });

  it("gives the status of a child as a shell would", async () => {
    equal(exitStatus(4, null), 4);
    equal(exitStatus(null, "SIGKILL"), 137);
    equal(await foreground("sh", ["-c", "kill -TERM $$"], process.env), 143);
  });
});
