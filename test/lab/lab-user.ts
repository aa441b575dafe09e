/** Brings a lab up as whoever runs this, uses it and takes it down. Prints what it found as JSON. */
import { Lab } from "../../lab";
import { readJson } from "../../lab/files";
import type { KeeperConfig } from "../../lab/keeper/config";
import { labPaths } from "../../lab/paths";
import { balance, login, METHOD_NAMES, output, remote } from "./lab-tools";

/** What the test reads; `refused` alone when no lab came up. */
export interface UserFindings {
  readonly uid?: number;
  readonly mode?: string;
  readonly cable?: string;
  readonly hostNames?: readonly string[];
  /** By forwarding method: the servers that answered, and what failed. */
  readonly traffic?: Readonly<
    Record<string, { readonly servers: readonly string[]; readonly errors: object }>
  >;
  readonly database?: string;
  /** Bytes of a large answer over SSH. */
  readonly bytes?: number;
  readonly rebooted?: string;
  readonly refused?: string;
}

const BYTES = 3_000_000;

async function findings(): Promise<UserFindings> {
  const lab = await Lab.up({ name: "user", directors: 2, servers: 2 });
  try {
    const { mode, directors } = lab.inventory;
    const [first, second] = await Promise.all(directors.map(login));
    if (!first || !second) throw new Error("expected two directors");
    const hostNames = [await remote(first, "hostname"), await remote(second, "hostname")];
    const bytes = (await remote(first, `head -c ${BYTES} /dev/zero | tr '\\0' x`)).length;
    first.end();
    second.end();
    const traffic: Record<string, { servers: string[]; errors: object }> = {};
    for (const [i, method] of METHOD_NAMES.entries()) {
      const address = `192.0.2.${20 + i}`;
      await balance(lab, "tcp", address, 80, method);
      const report = await lab.traffic({ url: `http://${address}/`, requests: 40 });
      traffic[method] = { servers: Object.keys(report.servers).sort(), errors: report.errors };
    }
    // Writes where the machine's own files are not this user's.
    for (const folder of ["/etc", "/var/lib", "/root"])
      await output(lab, "d1", "touch", `${folder}/lab-test-file`);
    await lab.fault.rebootDirector("d1");
    return {
      uid: process.getuid?.() ?? -1,
      mode,
      cable: readJson<KeeperConfig>(labPaths("user").keeper)?.cable ?? "unknown",
      hostNames,
      traffic,
      database: (await lab.status()).database.state,
      bytes,
      rebooted: await output(lab, "d1", "sh", "-c", "ipvsadm -Sn; ls /root; cat /etc/hostname"),
    };
  } finally {
    await lab.down();
  }
}

findings().then(
  (found) => process.stdout.write(`${JSON.stringify(found)}\n`),
  (error: unknown) => {
    const refused: UserFindings = { refused: `${error}` };
    process.stdout.write(`${JSON.stringify(refused)}\n`);
  },
);
