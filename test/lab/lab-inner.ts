/** Brings a lab up in namespaces of the kernel it runs on, uses it and takes it down. Prints what it found as JSON. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { Lab } from "../../lab";
import { balance, output } from "./lab-tools";

/** What the test reads. */
export interface InnerFindings {
  readonly mode: string;
  readonly hostNames: readonly string[];
  readonly servers: readonly string[];
  readonly errors: Readonly<Record<string, number>>;
  readonly database: string;
  /** Networks, mounts and interfaces that are there after the lab and were not before. */
  readonly left: readonly string[];
}

function state(): string[] {
  const networks = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/net`);
      } catch {
        return "";
      }
    });
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const devices = readFileSync("/proc/net/dev", "utf8").match(/^ *\S+:/gm) ?? [];
  return [...networks, ...mounts, ...devices];
}

async function main(): Promise<void> {
  const before = state();
  const lab = await Lab.up({ name: "inner", directors: 2, servers: 2 });
  const hostNames = [await output(lab, "d1", "hostname"), await output(lab, "d2", "cat", "/etc/hostname")];
  const database = (await lab.status()).database.state;
  await balance(lab, "tcp", "192.0.2.20", 80, "dr");
  const report = await lab.traffic({ url: "http://192.0.2.20/", requests: 40 });
  await lab.down();
  const findings: InnerFindings = {
    mode: lab.inventory.mode,
    hostNames,
    servers: Object.keys(report.servers).sort(),
    errors: report.errors,
    database,
    left: state().filter((entry) => !before.includes(entry)),
  };
  process.stdout.write(`${JSON.stringify(findings)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
