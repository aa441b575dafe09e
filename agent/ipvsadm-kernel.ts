import { readTableText, type TableText } from "../director/data";
import {
  type ConnectionCount,
  destinationKey,
  type Edit,
  type Limits,
  parseLimits,
  parseProcfs,
  parseTraffic,
  renderEdits,
  type ServiceTraffic,
  serviceKey,
  type Table,
  withoutCounts,
} from "../ipvs";
import { foreseen } from "./foreseen";
import { type Kernel, KernelError } from "./kernel";
import { procfsConnections, readProcfs } from "./procfs";
import { run, Standby } from "./standby";

const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

const IPVSADM = "ipvsadm";
/** How long somebody else's change of what procfs does not tell (flags, kinds of tunnels) may go unseen. */
const WHOLE_EVERY_MS = 30_000;

/** A table that was read, and what procfs said just before. */
interface Seen {
  readonly glance: string;
  readonly text: TableText;
  readonly atMs: number;
}

/**
 * The table by way of `ipvsadm`, which has to be on the director in any case. It asks the kernel once for each virtual
 * server, over a connection of its own each time: with a thousand that takes a hundred times as long as to read procfs.
 * So procfs is looked at first, and ipvsadm asked only where that has changed.
 */
export class IpvsadmKernel implements Kernel {
  #seen: Seen | undefined;
  readonly #restore = new Standby(IPVSADM, ["--restore"], ENVIRONMENT);

  async read(): Promise<TableText> {
    const procfs = readProcfs();
    const glance = procfs && withoutCounts(procfs);
    const { text, atMs, glance: before } = this.#seen ?? {};
    const isFresh = atMs !== undefined && performance.now() - atMs < WHOLE_EVERY_MS;
    if (text && isFresh && glance !== undefined && glance === before) return text;
    this.#seen = undefined;
    const whole = await this.#readWhole();
    if (glance !== undefined) this.#seen = { glance, text: whole, atMs: performance.now() };
    return whole;
  }

  async #readWhole(): Promise<TableText> {
    const asked = run(IPVSADM, ["--save", "-n"], ENVIRONMENT);
    const { status, stdout, stderr } = await asked.catch((error: Error) => {
      throw new KernelError(error.message);
    });
    if (status !== 0 || stderr !== "") throw new KernelError(stderr.trim() || `status ${status}`);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return readTableText(lines.sort());
  }

  async limits(): Promise<Limits> {
    return parseLimits(await this.#list("--thresholds"));
  }

  async traffic(): Promise<readonly ServiceTraffic[]> {
    const counters = await this.#list("--stats", "--exact");
    return parseTraffic(counters, await this.#list("--persistent-conn"));
  }

  async #list(...options: readonly string[]): Promise<string> {
    const asked = run(IPVSADM, ["--list", "-n", "--nosort", ...options], ENVIRONMENT);
    const { status, stdout, stderr } = await asked.catch((error: Error) => {
      throw new KernelError(error.message);
    });
    if (status !== 0) throw new KernelError(stderr.trim() || `status ${status}`);
    return stdout;
  }

  async connections(): Promise<readonly ConnectionCount[] | undefined> {
    return procfsConnections();
  }

  async write(edits: readonly Edit[]): Promise<string> {
    if (edits.length === 0) return "";
    const before = this.#seen;
    this.#seen = undefined;
    const { stdout, stderr } = await this.#restore.run(renderEdits(edits)).catch((error: Error) => ({
      stdout: "",
      stderr: error.message,
    }));
    const complaint = `${stdout}${stderr}`.trim();
    if (before && complaint === "") this.#foresee(before, edits);
    return complaint;
  }

  /** Spares the next look the question to ipvsadm: where procfs agrees, the table is what these edits make of it. */
  #foresee({ text, atMs }: Seen, edits: readonly Edit[]): void {
    const after = foreseen(text, edits);
    const procfs = readProcfs();
    if (procfs !== undefined && agrees(procfs, after.table))
      this.#seen = { glance: withoutCounts(procfs), text: after, atMs };
  }
}

/** Whether procfs lists exactly these destinations, with these weights. */
function agrees(procfs: string, table: Table): boolean {
  const listed = counted(procfs).map((one) => `${one.service} ${one.destination} ${one.weight}`);
  const wanted = table.flatMap((service) => {
    // procfs does not tell the family of a firewall mark.
    const key = serviceKey(service).replace(/^(fwmark [0-9]+) -6$/, "$1");
    return service.destinations.map((one) => `${key} ${destinationKey(one)} ${one.weight}`);
  });
  return listed.sort().join("\n") === wanted.sort().join("\n");
}

/** What procfs lists; nothing where it is not as we know it. */
function counted(procfs: string): readonly ConnectionCount[] {
  try {
    return parseProcfs(procfs);
  } catch {
    return [];
  }
}

/** First line of `ipvsadm --version`; empty where there is none. */
export async function ipvsadmVersion(): Promise<string> {
  const { stdout, stderr } = await run(IPVSADM, ["--version"], ENVIRONMENT).catch(() => ({
    stdout: "",
    stderr: "",
  }));
  return `${stdout}${stderr}`.split("\n")[0] ?? "";
}
