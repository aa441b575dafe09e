import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PROJECT_ROOT } from "../setup/project";
import { BenchError } from "./bench";
import type { SteadyReport } from "./guest/clients";
import type { BenchSite } from "./site";

/** A new connection so often, in milliseconds. */
const EVERY_MS = 10;
const PID_FILE = "/run/heye-bench-clients.pid";
/** Load before and after what is done, in milliseconds. */
const CALM_MS = 1_000;
const TIMEOUT_MS = 300_000;

/** What clients of a virtual address see while something is done to their director. */
export async function duringLoad(
  { lab }: BenchSite,
  address: string,
  work: () => Promise<void>,
): Promise<SteadyReport> {
  const program = join(PROJECT_ROOT, "dist", "bench", "guest", "clients.js");
  const argv = [process.execPath, program, address, `${EVERY_MS}`, PID_FILE];
  const onClient = async (script: string) => {
    const { code, stderr } = await lab.exec("client", ["sh", "-c", script]);
    if (code !== 0) throw new BenchError(`client: ${script}: status ${code}: ${stderr}`);
  };
  await onClient(`rm -f ${PID_FILE}`);
  const load = lab.exec("client", argv, { timeoutMs: TIMEOUT_MS });
  await onClient(`until [ -s ${PID_FILE} ]; do sleep 0.1; done`);
  await delay(CALM_MS);
  try {
    await work();
    await delay(CALM_MS);
  } finally {
    await onClient(`kill $(cat ${PID_FILE})`);
  }
  const { code, stdout, stderr } = await load;
  if (code !== 0) throw new BenchError(`the load: status ${code}: ${stderr}`);
  const report = JSON.parse(stdout) as SteadyReport;
  if (report.requests - report.failed < CALM_MS / EVERY_MS / 10)
    throw new BenchError(`hardly any request succeeded: ${stdout}`);
  return report;
}
