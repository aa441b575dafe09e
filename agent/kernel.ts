import { spawn } from "node:child_process";
import { readTableText, type TableText } from "../director/data";
import { type Edit, type Limits, parseLimits, renderEdits } from "../ipvs";

/** The kernel's IPVS table, as its one writer sees it. */
export interface Kernel {
  /**
   * What it holds now.
   *
   * @throws KernelError
   */
  read(): Promise<TableText>;
  /**
   * Makes edits, in their order.
   *
   * @returns what was complained of; empty when nothing was. What really holds has to be read.
   */
  write(edits: readonly Edit[]): Promise<string>;
  /** Thresholds and the order in which servers entered: the table does not tell them. */
  limits(): Promise<Limits>;
}

/** The table cannot be read: no ipvsadm, no IPVS, no privilege. */
export class KernelError extends Error {
  constructor(reason: string) {
    super(`the IPVS table cannot be read (${reason}): is ipvsadm installed, and ip_vs loaded?`);
    this.name = "KernelError";
  }
}

const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/** The table by way of `ipvsadm`, which has to be on the director in any case. */
export class IpvsadmKernel implements Kernel {
  async read(): Promise<TableText> {
    const { status, stdout, stderr } = await run(["--save", "-n"], "").catch((error: Error) => {
      throw new KernelError(error.message);
    });
    if (status !== 0 || stderr !== "") throw new KernelError(stderr.trim() || `status ${status}`);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return readTableText(lines.sort());
  }

  async limits(): Promise<Limits> {
    const { status, stdout, stderr } = await run(["--list", "-n", "--thresholds", "--nosort"], "");
    if (status !== 0) throw new KernelError(stderr.trim() || `status ${status}`);
    return parseLimits(stdout);
  }

  async write(edits: readonly Edit[]): Promise<string> {
    if (edits.length === 0) return "";
    const { stdout, stderr } = await run(["--restore"], renderEdits(edits)).catch((error: Error) => ({
      stdout: "",
      stderr: error.message,
    }));
    return `${stdout}${stderr}`.trim();
  }
}

/** First line of `ipvsadm --version`; empty where there is none. */
export async function ipvsadmVersion(): Promise<string> {
  const { stdout, stderr } = await run(["--version"], "").catch(() => ({ stdout: "", stderr: "" }));
  return `${stdout}${stderr}`.split("\n")[0] ?? "";
}

/** The kernel lists 100,000 entries within a second or two; one that takes longer hangs. */
const LIMIT_MS = 30_000;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], input: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn("ipvsadm", args, {
      env: ENVIRONMENT,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (status, signal) =>
      resolve({
        status: signal === null ? status : -1,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: `${Buffer.concat(stderr)}${signal === null ? "" : `ipvsadm was ended by ${signal} within ${LIMIT_MS / 1000} s`}`,
      }),
    );
    // It may end before it has read everything.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
