import ipaddr from "ipaddr.js";
import {
  type Destination,
  destinationKey,
  renderTable,
  type Service,
  serviceKey,
  type Table,
  type Traffic,
} from "../../ipvs";
import { readServiceExtra } from "./service-options";

const PROC_METHODS = { nat: "Masq", dr: "Route", tun: "Tunnel" } as const;

/** Counts of a destination, made up from its place, so that a reader that mixes two of them up is found out. */
export function countsOf(index: number): { readonly active: number; readonly inactive: number } {
  return { active: index * 7, inactive: index * 11 + 1 };
}

/** What /proc/net/ip_vs holds of a table (ip_vs_ctl.c, ip_vs_info_seq_show). */
export function renderProcfs(table: Table): string {
  const lines = [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn",
  ];
  for (const service of table) {
    const bits = service.address.includes(":") || service.address.endsWith(" -6") ? 128 : 32;
    const { persistence, onePacket } = readServiceExtra(service.extra, bits);
    const mask = persistence && (bits === 128 ? persistence.prefixLength : maskOf(persistence.prefixLength));
    const kept = persistence ? `persistent ${persistence.timeoutS * 100} ${hex(mask ?? 0, 8)}` : "";
    lines.push(`${procPlace(service)} ${service.scheduler} ${onePacket ? "ops " : ""}${kept}`);
    lines.push(...service.destinations.map(procDestination));
  }
  return `${lines.join("\n")}\n`;
}

function procPlace({ protocol, address, port }: Service): string {
  if (protocol === "fwmark") return `FWM  ${hex(Number(address.split(" ")[0]), 8)}`;
  return `${protocol.toUpperCase()}  ${procAddress(address)}:${hex(port, 4)}`;
}

function procDestination({ address, port, method, weight }: Destination, index: number): string {
  const { active, inactive } = countsOf(index);
  const words = [
    PROC_METHODS[method].padEnd(7),
    String(weight).padEnd(6),
    String(active).padEnd(10),
    String(inactive).padEnd(10),
  ];
  return `  -> ${procAddress(address)}:${hex(port, 4)}      ${words.join(" ")}`;
}

function procAddress(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray();
  if (bytes.length === 4) return bytes.map((byte) => hex(byte, 2)).join("");
  const groups = ipaddr.IPv6.parse(address).parts.map((part) => part.toString(16).padStart(4, "0"));
  return `[${groups.join(":")}]`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

function maskOf(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
}

/** What `ipvsadm --save -n` prints of a table: marks as signed numbers, and no thresholds. */
export function renderSaved(table: Table): string {
  return renderTable(table).replace(/ -f ([0-9]+)/g, (_, mark) => ` -f ${Number(mark) | 0}`);
}

/** What `ipvsadm --list -n --thresholds --nosort` prints of a table (ipvsadm.c, print_service_entry). */
export function renderLimits(table: Table): string {
  const lines = [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ",
    "  -> RemoteAddress:Port",
  ];
  for (const service of table) {
    lines.push(
      `${listedPlace(service)} ${service.scheduler}${service.extra.includes("-p ") ? " persistent 300" : ""}`,
    );
    service.destinations.forEach((one, index) => {
      const { upper = 0, lower = 0 } = one.thresholds ?? {};
      const { active, inactive } = countsOf(index);
      const words = [upper, lower, active, inactive].map((word) => String(word).padEnd(10));
      lines.push(`  -> ${destinationKey(one).padEnd(28)} ${words.join(" ")}`);
    });
  }
  return `${lines.join("\n")}\n`;
}

/** Traffic made up from a place, as {@link countsOf}. */
export function trafficOf(index: number): Traffic {
  return {
    connections: index,
    packetsIn: index * 3,
    packetsOut: index * 5,
    bytesIn: index * 13,
    bytesOut: index * 2 ** 40,
  };
}

/** What `ipvsadm --list -n --stats --exact` prints of a table (ipvsadm.c, print_service_entry with FMT_EXACT). */
export function renderCounters(table: Table): string {
  const counters = (index: number) =>
    Object.values(trafficOf(index))
      .map((one) => String(one).padStart(8))
      .join(" ");
  return [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes",
    "  -> RemoteAddress:Port",
    ...table.flatMap((service, at) => [
      `${listedPlace(service).padEnd(33)} ${counters(at)}`,
      ...service.destinations.map(
        (one, index) => `  -> ${destinationKey(one).padEnd(28)} ${counters(index)}`,
      ),
    ]),
    "",
  ].join("\n");
}

/** What `ipvsadm --list -n --persistent-conn` prints of a table. */
export function renderConnections(table: Table): string {
  return [
    "IP Virtual Server version 1.2.1 (size=4096)",
    "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn",
    "  -> RemoteAddress:Port",
    ...table.flatMap((service) => [
      `${listedPlace(service)} ${service.scheduler}`,
      ...service.destinations.map((one, index) => {
        const { active, inactive } = countsOf(index);
        const words = [one.weight, index * 17, active, inactive].map((word) => String(word).padEnd(10));
        return `  -> ${destinationKey(one).padEnd(28)} ${words.join(" ")}`;
      }),
    ]),
    "",
  ].join("\n");
}

function listedPlace(service: Service): string {
  if (service.protocol === "fwmark") {
    const [mark = "", isIPv6] = service.address.split(" ");
    return `FWM  ${Number(mark) | 0}${isIPv6 ? " IPv6" : ""}`;
  }
  return `${service.protocol.toUpperCase().padEnd(5)}${serviceKey(service).slice(service.protocol.length + 1)}`;
}
