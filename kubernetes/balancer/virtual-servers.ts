import {
  familyOf,
  formatPath,
  isRecord,
  type Parsed,
  type PropertyPath,
  parseVirtualServer,
  type VirtualServer,
  virtualServerId,
} from "../../spec";
import { FORWARDING, REAL_SERVER, REAL_SERVERS, SCHEDULER, VIRTUAL_SERVER } from "../../spec/kubernetes";
import { declarationOf, isAnnotated } from "../annotations";
import { nameOf } from "../subject";
import type { BalancedNode, BalancedService, ServicePort, ServingSlice } from "./service";

/** What a Service is to have on directors. */
export interface WantedVirtualServers {
  /** By id; undefined: it is this Service's, and stays as it stands, because nothing valid is said of it. */
  readonly servers: ReadonlyMap<string, VirtualServer | undefined>;
  readonly problems: readonly string[];
}

/** What real servers are made of. */
export interface Backing {
  /** The slices of the Service. */
  readonly slices: readonly ServingSlice[];
  readonly nodes: readonly BalancedNode[];
}

/** Reads a virtual server; one that remembers what it has read saves a lot. */
export type ReadVirtualServer = (input: unknown) => Parsed<VirtualServer>;

/** Properties of a virtual server that follow from the Service itself. */
const GIVEN = ["protocol", "address", "port", "fwmark", "family", "realServers", "adopt"];
/** Properties of a real server that do. */
const GIVEN_OF_SERVERS = ["address", "port"];

/** The virtual servers of a Service at its addresses: one for each of its ports. */
export function virtualServersOf(
  service: BalancedService,
  addresses: readonly string[],
  backing: Backing,
  read: ReadVirtualServer = (input) => parseVirtualServer(input),
): WantedVirtualServers {
  const problems: string[] = [];
  const settings = settingsOf(service, problems);
  const servers = new Map<string, VirtualServer | undefined>();
  for (const address of addresses)
    for (const port of service.ports) {
      const { protocol } = port;
      if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") continue;
      const places = placesOf(service, address, port, backing, problems);
      const realServers = places?.map((place) => ({ ...settings.server, ...place }));
      const { value, problems: found } = read({
        ...settings.virtualServer,
        protocol,
        address,
        port: port.port,
        realServers,
      });
      problems.push(...found.map(({ path, reason }) => sentence(service, path, reason)));
      const isGood = problems.length === 0 && realServers !== undefined;
      servers.set(virtualServerId({ protocol, address, port: port.port }), isGood ? value : undefined);
    }
  if (problems.length === 0) return { servers, problems };
  return {
    servers: new Map([...servers.keys()].map((id) => [id, undefined])),
    problems: [...new Set(problems)],
  };
}

/** A problem by the annotation that it comes from. */
function sentence({ annotations }: BalancedService, path: PropertyPath, reason: string): string {
  const [first, , ...rest] = path;
  const [property] = rest;
  if (first === "scheduler" && annotations[SCHEDULER] !== undefined) return `${SCHEDULER}: ${reason}`;
  if (property === "forwarding" && annotations[FORWARDING] !== undefined) return `${FORWARDING}: ${reason}`;
  if (first === "realServers") return `${REAL_SERVER}: ${formatPath(rest)}: ${reason}`;
  return `${VIRTUAL_SERVER}: ${formatPath([...path])}: ${reason}`;
}

function settingsOf(service: BalancedService, problems: string[]) {
  const { annotations, affinityS, hasSourceRanges } = service;
  if (hasSourceRanges)
    problems.push(
      "spec.loadBalancerSourceRanges: expected none, because directors let all clients in: filter before them",
    );
  const given = objectOf(annotations, VIRTUAL_SERVER, GIVEN, problems);
  const scheduler = annotations[SCHEDULER];
  const forwarding = annotations[FORWARDING];
  const virtualServer: Record<string, unknown> = {
    ...(affinityS !== undefined && { persistence: { timeoutS: affinityS } }),
    ...given,
    ...(scheduler !== undefined && { scheduler }),
  };
  if (isAnnotated(annotations)) {
    const { check, problems: found } = declarationOf(annotations);
    problems.push(...found);
    virtualServer.healthCheck = check ?? { type: "none" };
  }
  const server = {
    ...objectOf(annotations, REAL_SERVER, GIVEN_OF_SERVERS, problems),
    ...(forwarding !== undefined && { forwarding }),
  };
  return { virtualServer, server };
}

/** An annotation that is an object in JSON, without what may not stand in it. */
function objectOf(
  annotations: Readonly<Record<string, string>>,
  name: string,
  refused: readonly string[],
  problems: string[],
): Readonly<Record<string, unknown>> {
  const text = annotations[name];
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isRecord(value)) {
    problems.push(`${name}: expected an object as JSON, found ${JSON.stringify(text.slice(0, 80))}`);
    return {};
  }
  for (const key of refused)
    if (key in value) problems.push(`${name}: ${key} follows from the Service: leave it out`);
  return value;
}

/** Where the real servers of a port are; undefined: that cannot be said. */
function placesOf(
  service: BalancedService,
  address: string,
  port: ServicePort,
  { slices, nodes }: Backing,
  problems: string[],
): { readonly address: string; readonly port: number }[] | undefined {
  const family = familyOf(address);
  const ready = slices
    .filter((slice) => slice.family === family)
    .flatMap(({ endpoints, ports }) => {
      const found = ports.find(({ name, protocol }) => name === port.name && protocol === port.protocol);
      return found ? endpoints.map((one) => ({ ...one, port: found.port })) : [];
    });
  const kind = service.annotations[REAL_SERVERS] ?? "nodes";
  if (kind === "endpoints") return once(ready.map((one) => ({ address: one.address, port: one.port })));
  if (kind !== "nodes") {
    problems.push(`${REAL_SERVERS}: expected nodes or endpoints, found ${JSON.stringify(kind)}`);
    return undefined;
  }
  const { nodePort } = port;
  if (nodePort === undefined) {
    const words = `${nameOf(service)}: port ${port.port} has no node port`;
    problems.push(`${words}: let Kubernetes give one, or set ${REAL_SERVERS} to endpoints`);
    return undefined;
  }
  const serving = service.isLocal ? new Set(ready.map(({ node }) => node)) : undefined;
  return once(
    nodes
      .filter(({ name }) => serving === undefined || serving.has(name))
      .flatMap((node) => {
        const found = node.addresses.find((one) => familyOf(one) === family);
        return found === undefined ? [] : [{ address: found, port: nodePort }];
      }),
  );
}

function once(places: readonly { readonly address: string; readonly port: number }[]) {
  return [...new Map(places.map((one) => [`${one.address} ${one.port}`, one])).values()];
}
