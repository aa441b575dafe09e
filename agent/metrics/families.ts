import type { ServiceTraffic, Traffic } from "../../ipvs";
import type { ServerStatus, ServiceStatus } from "../status";

/** A virtual server with what the kernel counts of it. */
export interface ServiceRow {
  readonly status: ServiceStatus;
  /** Undefined: the kernel does not have it, or did not tell. */
  readonly traffic: ServiceTraffic | undefined;
}

/** One metric of each row; a row without it has no line. */
interface Family<Row> {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly value: (row: Row) => number | undefined;
}

/** A row, and how its series are told from others'. */
interface Labelled<Row> {
  readonly labels: string;
  readonly row: Row;
}

/** A real server in one of its virtual servers. */
interface ServerRow {
  readonly status: ServerStatus;
  readonly traffic: ServiceTraffic["destinations"][number] | undefined;
}

const TRAFFIC: readonly (readonly [name: string, what: keyof Traffic, help: string])[] = [
  ["connections_total", "connections", "Connections that the scheduler gave away"],
  ["incoming_packets_total", "packetsIn", "Packets from clients"],
  ["outgoing_packets_total", "packetsOut", "Packets to clients; none with dr and tun"],
  ["incoming_bytes_total", "bytesIn", "Bytes from clients"],
  ["outgoing_bytes_total", "bytesOut", "Bytes to clients; none with dr and tun"],
];

const SERVICES: readonly Family<ServiceRow>[] = [
  {
    name: "heye_virtual_server_up",
    type: "gauge",
    help: "1 while the pool has its quorum.",
    value: ({ status }) => (status.up ? 1 : 0),
  },
  {
    name: "heye_virtual_server_quorum_weight",
    type: "gauge",
    help: "Weight that servers in service have to sum up to.",
    value: ({ status }) => status.quorum,
  },
  {
    name: "heye_virtual_server_effective_weight",
    type: "gauge",
    help: "Weight that servers in service sum up to.",
    value: ({ status }) => status.servers.reduce((sum, one) => sum + one.effectiveWeight, 0),
  },
  {
    name: "heye_virtual_server_sorry_serving",
    type: "gauge",
    help: "1 while the sorry server takes the connections. Only where there is one.",
    value: ({ status: { sorryServer } }) => sorryServer && (sorryServer.serves ? 1 : 0),
  },
  ...traffic<ServiceRow>("heye_virtual_server", ({ traffic }) => traffic),
];

const SERVERS: readonly Family<ServerRow>[] = [
  {
    name: "heye_real_server_healthy",
    type: "gauge",
    help: "1 while it passes its check. Only of servers that are checked.",
    value: ({ status: { health } }) => health && (health.healthy ? 1 : 0),
  },
  {
    name: "heye_real_server_configured_weight",
    type: "gauge",
    help: "Weight that is declared.",
    value: ({ status }) => status.configuredWeight,
  },
  {
    name: "heye_real_server_effective_weight",
    type: "gauge",
    help: "Weight that it is to have: the declared one, or 0 where its gate, a drain or its health says so.",
    value: ({ status }) => status.effectiveWeight,
  },
  {
    name: "heye_real_server_kernel_weight",
    type: "gauge",
    help: "Weight that the kernel holds. Only of servers that are in the table.",
    value: ({ traffic, status }) => traffic?.weight ?? status.kernelWeight ?? undefined,
  },
  {
    name: "heye_real_server_draining",
    type: "gauge",
    help: "1 while it is drained. Only of servers that are.",
    value: ({ status: { reasons } }) => (reasons.some((one) => one.startsWith("drain")) ? 1 : undefined),
  },
  {
    name: "heye_real_server_active_connections",
    type: "gauge",
    help: "Established connections.",
    value: ({ traffic }) => traffic?.active,
  },
  {
    name: "heye_real_server_inactive_connections",
    type: "gauge",
    help: "Connections that are opening or closing, and all flows of udp.",
    value: ({ traffic }) => traffic?.inactive,
  },
  ...traffic<ServerRow>("heye_real_server", ({ traffic }) => traffic),
];

/** All names that {@link renderServers} may write. */
export const SERVER_METRICS: readonly string[] = [
  "heye_virtual_server_info",
  ...SERVICES.map(({ name }) => name),
  ...SERVERS.map(({ name }) => name),
];

function traffic<Row>(prefix: string, of: (row: Row) => Traffic | undefined): Family<Row>[] {
  return TRAFFIC.map(([name, what, help]) => ({
    name: `${prefix}_${name}`,
    type: "counter",
    help: `${help}.`,
    value: (row) => of(row)?.[what],
  }));
}

/**
 * Metrics of virtual and real servers in Prometheus' text format, one metric at a time. Written straight into text: 10,000 servers
 * behind 1,000 virtual servers have 120,000 series, and a library's object for each would cost more than all else.
 *
 * @param withServers whether real servers are told, or virtual servers alone
 */
export function* renderServers(rows: readonly ServiceRow[], withServers: boolean): Generator<string> {
  const services = rows.map((row) => ({ row, labels: `virtual_server="${escaped(row.status.service)}"` }));
  yield head(
    "heye_virtual_server_info",
    "gauge",
    "Always 1; its labels say whose it is and how it chooses.",
  ) + services.map(infoLine).join("");
  for (const family of SERVICES) yield rendered(family, services);
  if (!withServers) return;
  const servers = services.flatMap(serverRows);
  for (const family of SERVERS) yield rendered(family, servers);
}

function serverRows({ labels, row: { status, traffic } }: Labelled<ServiceRow>): Labelled<ServerRow>[] {
  const found = new Map(traffic?.destinations.map((one) => [one.destination, one]));
  return status.servers.map((one) => ({
    labels: `${labels},real_server="${escaped(one.server)}"`,
    row: { status: one, traffic: found.get(one.server) },
  }));
}

function rendered<Row>({ name, type, help, value }: Family<Row>, rows: readonly Labelled<Row>[]): string {
  let text = head(name, type, help);
  for (const { labels, row } of rows) {
    const found = value(row);
    if (found !== undefined) text += `${name}{${labels}} ${found}\n`;
  }
  return text;
}

function infoLine({ labels, row: { status } }: Labelled<ServiceRow>): string {
  const { owner, scheduler } = status;
  return `heye_virtual_server_info{${labels},owner="${escaped(owner)}",scheduler="${escaped(scheduler)}"} 1\n`;
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** A label's value, as Prometheus reads it. */
function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (found) => (found === "\n" ? "\\n" : `\\${found}`));
}
