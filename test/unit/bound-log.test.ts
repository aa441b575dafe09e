import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boundLog } from "../../director/agent-files";
import { until } from "./agent-site";

describe("the log of an agent that has no systemd", () => {
  const folder = mkdtempSync(join(tmpdir(), "heye-log-"));
  const [log, older] = [join(folder, "agent.log"), join(folder, "agent.log.1")];
  after(() => rmSync(folder, { recursive: true }));

  it("is begun anew when it is long, what was in it kept beside it, until its supervisor ends", async () => {
    writeFileSync(log, "begun\n");
    const script = `${boundLog(log, older, 1_000, 0.02)}\nbound_log &\necho $!\nread -r end`;
    const shell = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    const [first] = (await once(shell.stdout, "data")) as [Buffer];
    const looker = Number(first.toString());
    const ended = once(shell, "exit");
    const size = () => statSync(log).size;
    const looks = () => {
      try {
        return process.kill(looker, 0);
      } catch {
        return false;
      }
    };
    try {
      appendFileSync(log, "x".repeat(2_000));
      await until(
        () => size() === 0,
        () => `it has ${size()} bytes`,
      );
      assert.equal(readFileSync(older, "utf8"), `begun\n${"x".repeat(2_000)}`);
      appendFileSync(log, "short\n");
      assert.ok(looks());
    } finally {
      shell.kill("SIGKILL");
      await ended;
    }
    await until(
      () => !looks(),
      () => "somebody still looks at it",
    );
    assert.equal(readFileSync(log, "utf8"), "short\n");
  });
});
