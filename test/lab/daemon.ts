import assert from "node:assert/strict";
import type { Lab } from "../../lab";

const START = 'log=$1; shift; setsid "$@" </dev/null >"$log" 2>&1 & echo $!';
const STOP = "kill $1; while kill -0 $1 2>/dev/null; do sleep 0.1; done";

/** A program that goes on running on a director. It ends with the lab at the latest. */
export class Daemon {
  private constructor(
    private readonly lab: Lab,
    private readonly director: string,
    private readonly name: string,
    private readonly pid: string,
  ) {}

  /** @param name of the file with what it prints, in /run */
  static async start(lab: Lab, director: string, name: string, argv: readonly string[]): Promise<Daemon> {
    const said = await onDirector(lab, director, ["sh", "-c", START, "sh", logOf(name), ...argv]);
    return new Daemon(lab, director, name, said.trim());
  }

  /** What it has printed, the newest lines. */
  log(): Promise<string> {
    return onDirector(this.lab, this.director, ["tail", "-n", "200", logOf(this.name)]);
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    await onDirector(this.lab, this.director, ["sh", "-c", STOP, "sh", this.pid]);
  }
}

function logOf(name: string): string {
  return `/run/${name}.log`;
}

async function onDirector(lab: Lab, director: string, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(director, argv);
  assert.equal(code, 0, `${argv.join(" ")} on ${director}: ${stderr}`);
  return stdout;
}
