/** The `heye` command on a lab, run as a user runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Inventory } from "../../lab";
import { availableIn, layerEnvironment } from "../../lab/layer";
import { labLayer } from "../../setup";
import { PROJECT_ROOT } from "../../setup/project";

const PROGRAM = join(PROJECT_ROOT, "dist", "cli", "index.js");

/** What a command has come to. */
export interface Said {
  /** null: it was ended. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `heye`, on a machine whose ssh knows the directors of a lab by their names, as one's own settings of ssh would. */
export class HeyeCommand {
  private constructor(
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async on({ directors, knownHostsFile }: Inventory): Promise<HeyeCommand> {
    const layer = await labLayer();
    const folder = mkdtempSync(join(tmpdir(), "heye-ssh-"));
    const hosts = directors.map(({ name, host, port, user, privateKeyFile }) =>
      [
        `Host ${name}`,
        ...[`HostName ${host}`, `Port ${port}`, `User ${user}`, `IdentityFile "${privateKeyFile}"`],
      ].join("\n  "),
    );
    const known = [`UserKnownHostsFile "${knownHostsFile}"`, "IdentitiesOnly yes", "LogLevel ERROR"];
    // Nothing listens there.
    const nowhere = "Host nowhere\n  HostName 127.0.0.1\n  Port 1";
    writeFileSync(
      join(folder, "config"),
      `${[...hosts, nowhere, `Host *\n  ${known.join("\n  ")}`].join("\n")}\n`,
    );
    const libraries = layerEnvironment(layer).LD_LIBRARY_PATH ?? "";
    const ssh = [
      "#!/bin/sh",
      `LD_LIBRARY_PATH='${libraries}' exec '${availableIn(layer, "usr/bin/ssh")}' -F '${folder}/config' "$@"`,
    ];
    writeFileSync(join(folder, "ssh"), `${ssh.join("\n")}\n`, { mode: 0o755 });
    return new HeyeCommand(folder, {
      ...process.env,
      PATH: [folder, process.env.PATH ?? ""].join(delimiter),
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Runs it to its end. */
  async run(...argv: readonly string[]): Promise<Said> {
    const { child, said } = this.#start(argv);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...said };
  }

  /** Runs it until its output is as wanted, and ends it as Ctrl-C does. Throws Error when it is not so in time. */
  async runUntil(
    argv: readonly string[],
    isWanted: (stdout: string) => boolean,
    patienceMs: number,
  ): Promise<Said> {
    const { child, said } = this.#start(argv);
    const closed = once(child, "close") as Promise<[number | null]>;
    const deadline = Date.now() + patienceMs;
    while (!isWanted(said.stdout) && child.exitCode === null && Date.now() < deadline) await delay(100);
    child.kill("SIGINT");
    const [code] = await closed;
    if (!isWanted(said.stdout)) throw new Error(`heye ${argv.join(" ")}: ${said.stdout}${said.stderr}`);
    return { code, ...said };
  }

  #start(argv: readonly string[]): { child: ChildProcess; said: { stdout: string; stderr: string } } {
    const child = spawn(process.execPath, [PROGRAM, ...argv], {
      ...{ env: this.env, cwd: PROJECT_ROOT, stdio: ["ignore", "pipe", "pipe"] },
    });
    const said = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (text: string) => {
        said[name] += text;
      });
    return { child, said };
  }
}
