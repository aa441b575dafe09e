/**
 * Who is in a lab and under which address: pure data, derived from the lab's shape alone.
 *
 * Four networks: management (SSH, control), front (router to directors), back (directors to servers and router),
 * client (client to router). All but the client's hang on bridges in the namespace `switch`.
 */
import { LabInputError } from "./errors";

/** How large a lab is. */
export interface Shape {
  /** Directors d1..dN, 1 to 254. */
  readonly directors: number;
  /** Web servers rs1..rsN, 0 to 1000. */
  readonly servers: number;
  /** Whether db1 runs a MariaDB. The node itself is always there. */
  readonly database: boolean;
}

/** What a node is for. */
export type Role = "director" | "web" | "mysql" | "tcp" | "client" | "router" | "switch";

/** A director: forwards, has an IPVS table of its own, is reached by SSH over the management network. */
export interface DirectorNode {
  readonly name: string;
  readonly role: "director";
  readonly index: number;
  readonly management: string;
  readonly front: string;
  readonly front6: string;
  readonly back: string;
  readonly back6: string;
}

/** A real server. `ports` are those it listens on, per protocol. */
export interface ServerNode {
  readonly name: string;
  readonly role: "web" | "mysql" | "tcp";
  readonly address: string;
  readonly address6: string;
  readonly ports: { readonly [service: string]: readonly number[] };
}

/** The whole lab as data. */
export interface Topology {
  readonly shape: Shape;
  readonly directors: readonly DirectorNode[];
  readonly servers: readonly ServerNode[];
}

/** The virtual addresses that the router spreads over the directors. */
export const VIRTUAL = { v4: "192.0.2.0/24", v6: "2001:db8:100::/64" } as const;

/** Addresses that do not depend on the shape. */
export const FIXED = {
  /** The host's end of the management network. */
  host: "10.99.255.254",
  /** Where the world's control server listens, on the management network. */
  control: "10.99.254.1",
  controlPort: 700,
  routerFront: "10.10.255.254",
  routerFront6: "fd10::ffff",
  routerBack: "10.20.255.254",
  routerBack6: "fd20::ffff",
  routerClient: "10.30.0.1",
  routerClient6: "fd30::1",
  client: "10.30.0.2",
  client6: "fd30::2",
} as const;

const HTTP_PORTS = [80, 8080];
const ANSWER_PORT = 7000;
const MYSQL_PORT = 3306;

/** The topology of a shape. Throws LabInputError when the shape is out of bounds. */
export function topology(shape: Shape): Topology {
  within("directors", shape.directors, 1, 254);
  within("servers", shape.servers, 0, 1000);
  return {
    shape,
    directors: upTo(shape.directors).map(director),
    servers: [
      ...upTo(shape.servers).map(webServer),
      server("db1", "mysql", "10.20.250.1", "fd20::2:1", shape.database ? { mysql: [MYSQL_PORT] } : {}),
      server("tcp1", "tcp", "10.20.251.1", "fd20::3:1", { tcp: [ANSWER_PORT], udp: [ANSWER_PORT] }),
    ],
  };
}

/** Names of all nodes in which a command can be run. */
export function nodeNames(t: Topology): string[] {
  return [...t.directors, ...t.servers].map((node) => node.name).concat("client", "router", "switch");
}

function director(index: number): DirectorNode {
  const hex = index.toString(16);
  return {
    name: `d${index}`,
    role: "director",
    index,
    management: `10.99.0.${index}`,
    front: `10.10.0.${index}`,
    front6: `fd10::${hex}`,
    back: `10.20.0.${index}`,
    back6: `fd20::${hex}`,
  };
}

function webServer(index: number): ServerNode {
  const address = `10.20.${1 + Math.floor(index / 250)}.${(index % 250) + 1}`;
  const ports = { http: HTTP_PORTS, tcp: [ANSWER_PORT], udp: [ANSWER_PORT] };
  return server(`rs${index}`, "web", address, `fd20::1:${index.toString(16)}`, ports);
}

function server(
  name: string,
  role: ServerNode["role"],
  address: string,
  address6: string,
  ports: ServerNode["ports"],
): ServerNode {
  return { name, role, address, address6, ports };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

function within(field: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new LabInputError(`${field}: expected a whole number from ${low} to ${high}, found ${value}.`);
}
