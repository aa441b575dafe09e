/**
 * Brings a lab up where it runs and as whoever runs it, tries everything in it, and takes it down. Prints what it found as
 * JSON. Tests run it in other places than their own: on another kernel, as another user.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { Lab, type TrafficReport } from "../../lab";
import { readJson } from "../../lab/files";
import type { KeeperConfig } from "../../lab/keeper/config";
import { labPaths } from "../../lab/paths";
import { balance, bracketed, login, METHOD_NAMES, output, query, remote } from "./lab-tools";

/** What the servers said, and what failed. */
export interface Traffic {
  readonly servers: readonly string[];
  readonly errors: Readonly<Record<string, number>>;
}

/** What the tests read. */
export interface Findings {
  readonly uid: number;
  readonly mode: string;
  readonly cable: string;
  /** As the directors say over SSH. */
  readonly hostNames: readonly string[];
  /** Length of a large answer over SSH. */
  readonly bytes: number;
  /** By protocol, family and forwarding method. */
  readonly traffic: Readonly<Record<string, Traffic>>;
  /** Rows of a statement on the database, asked through a director. */
  readonly rows: unknown;
  /** The kinds of the faults that were on at the same time, and the requests made meanwhile. */
  readonly faults: readonly string[];
  readonly meanwhile: Traffic;
  /** After a reboot of d1: its table, what is in /root, its name. */
  readonly rebooted: string;
  /** Networks, mounts and interfaces that are there after the lab and were not before. Other labs' are among them. */
  readonly left: readonly string[];
}

/** No lab came up. */
export interface Refusal {
  readonly refused: string;
}

const NAME = "inside";
const BYTES = 3_000_000;
const REQUESTS = 40;

function found({ servers, errors }: TrafficReport): Traffic {
  return { servers: Object.keys(servers).sort(), errors };
}

async function forwarding(lab: Lab): Promise<Record<string, Traffic>> {
  const results: Record<string, Traffic> = {};
  for (const protocol of ["tcp", "udp"] as const)
    for (const network of ["192.0.2.", "2001:db8:100::"])
      for (const [i, method] of METHOD_NAMES.entries()) {
        // An address of its own for each: entries of closed connections stay.
        const address = `${network}${(protocol === "tcp" ? 20 : 30) + i}`;
        await balance(lab, protocol, address, 7000, method);
        const url = `${protocol}://${bracketed(address)}:7000`;
        const family = address.includes(":") ? "v6" : "v4";
        results[`${protocol} ${family} ${method}`] = found(await lab.traffic({ url, requests: REQUESTS }));
      }
  return results;
}

async function overSsh(lab: Lab): Promise<Pick<Findings, "hostNames" | "bytes" | "rows">> {
  const { directors, mysql } = lab.inventory;
  const clients = await Promise.all(directors.map(login));
  const [first] = clients;
  if (!first || !mysql) throw new Error("expected directors and a database");
  const hostNames = await Promise.all(clients.map((client) => remote(client, "hostname")));
  const bytes = (await remote(first, `head -c ${BYTES} /dev/zero | tr '\\0' x`)).length;
  const rows = await query(first, lab, mysql.user, mysql.password, "SELECT 1 AS one");
  for (const client of clients) client.end();
  return { hostNames, bytes, rows };
}

/** d1 is slow and hangs, d2 is dead, rs2 is silent: rs1 answers through d1 nevertheless. */
async function broken(lab: Lab): Promise<Pick<Findings, "faults" | "meanwhile">> {
  await balance(lab, "tcp", "192.0.2.40", 80, "dr");
  await lab.fault.impairNetwork("d1", { network: "front", delayMs: 5 });
  await lab.fault.hangSsh("d1");
  await lab.fault.killDirector("d2");
  await lab.fault.killServer("rs2");
  await output(lab, "d1", "ipvsadm", "-d", "-t", "192.0.2.40:80", "-r", "10.20.1.3:80");
  const meanwhile = found(await lab.traffic({ url: "http://192.0.2.40/", requests: REQUESTS }));
  const faults = (await lab.status()).faults.map((fault) => fault.kind);
  await lab.fault.mendAll();
  return { faults, meanwhile };
}

/** Also writes where the machine's own files may belong to somebody else. */
async function rebooted(lab: Lab): Promise<string> {
  for (const folder of ["/etc", "/var/lib", "/root"])
    await output(lab, "d1", "touch", `${folder}/lab-test-file`);
  await lab.fault.rebootDirector("d1");
  return output(lab, "d1", "sh", "-c", "ipvsadm -Sn; ls /root | grep ^lab-; cat /etc/hostname");
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

async function findings(): Promise<Findings> {
  const before = state();
  const lab = await Lab.up({ name: NAME, directors: 2, servers: 2 });
  try {
    const found = {
      uid: process.getuid?.() ?? -1,
      mode: lab.inventory.mode,
      cable: readJson<KeeperConfig>(labPaths(NAME).keeper)?.cable ?? "unknown",
      ...(await overSsh(lab)),
      traffic: await forwarding(lab),
      ...(await broken(lab)),
      rebooted: await rebooted(lab),
    };
    await lab.down();
    return { ...found, left: state().filter((entry) => !before.includes(entry)) };
  } finally {
    await lab.down();
  }
}

findings().then(
  (found) => process.stdout.write(`${JSON.stringify(found)}\n`),
  (error: unknown) => {
    const refusal: Refusal = { refused: `${error}` };
    process.stdout.write(`${JSON.stringify(refusal)}\n`);
  },
);
