import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "../../agent/kernel";
import { type Edit, parseTable, type ServiceTraffic } from "../../ipvs";
import { PROJECT_ROOT } from "../../setup/project";

/** What a kernel has told of itself in {@link converse}. */
export interface Told {
  /** Of each write. */
  readonly complaints: readonly string[];
  readonly lines: readonly string[];
  /** Thresholds by service, and by destination in the kernel's order. */
  readonly limits: readonly (readonly [string, readonly (readonly [string, unknown])[]])[];
  readonly traffic: readonly ServiceTraffic[];
}

/** A conversation with IPVS of Linux 6.1, made by test/lab/kernels.test.ts, which also finds out whether it would go otherwise. */
export interface Recording {
  readonly told: Told;
  /** In hexadecimal, and in their order: `>` sent, `<` received. */
  readonly datagrams: readonly string[];
}

const FILE = join(PROJECT_ROOT, "test", "unit", "netlink-recording.json");

export const RECORDING = JSON.parse(readFileSync(FILE, "utf8")) as Recording;

/** What the kernel has said. */
export function received(): Buffer[] {
  const lines = RECORDING.datagrams.filter((line) => line.startsWith("<"));
  return lines.map((line) => Buffer.from(line.slice(1), "hex"));
}

const TABLE = parseTable(`-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 2147483647
-A -u [2001:db8::1]:53 -s mh -p 300 -M 64 -b mh-fallback,mh-port
-a -u [2001:db8::1]:53 -r [fd00::1]:53 -g -w 0
-A -f 4294967295 -s sh -p 60 -M 255.255.255.0 --pe sip -o -b sh-port
-a -f 4294967295 -r 10.0.0.2:0 -i -w 2 --tun-type gue --tun-port 6080 --tun-remcsum
-a -f 4294967295 -r [fd00::2]:0 -i -w 1
-A --sctp-service 192.0.2.1:9000 -s lc
`);

/** Makes a table, edits it, is refused edits, reads it and takes it away. The kernel has none before. */
export async function converse(kernel: Kernel): Promise<Told> {
  const [web] = TABLE;
  const [first, second] = web?.destinations ?? [];
  if (!web || !first || !second) throw new Error("the table is another one");
  const all = TABLE.flatMap((service): Edit[] => [
    { kind: "add-service", service },
    ...service.destinations.map((destination): Edit => ({ kind: "add-destination", service, destination })),
  ]);
  const edits: Edit[] = [
    { kind: "add-service", service: web },
    { kind: "edit-service", service: { ...web, scheduler: "wlc" } },
    {
      kind: "edit-destination",
      service: web,
      destination: { ...first, thresholds: { upper: 10, lower: 5 } },
    },
    { kind: "delete-destination", service: web, destination: { ...first, port: 1 } },
    { kind: "add-destination", service: web, destination: second },
  ];
  const complaints = [await kernel.write(all), await kernel.write(edits)];
  const { lines } = await kernel.read();
  const limits = [...(await kernel.limits())].map(([key, pool]) => [key, [...pool]] as const);
  // The order of services differs from one network namespace to the next.
  limits.sort(([a], [b]) => (a < b ? -1 : 1));
  const traffic = [...(await kernel.traffic())].sort((a, b) => (a.service < b.service ? -1 : 1));
  const gone = TABLE.map((service): Edit => ({ kind: "delete-service", service }));
  return { complaints: [...complaints, await kernel.write(gone)], lines, limits, traffic };
}
