import { isDeepStrictEqual } from "node:util";
import { familyOf } from "./address";
import { type ActiveHealthCheck, type HealthCheck, transportOf } from "./health-check";
import { familyOfIdentity, type VirtualServerIdentity } from "./identity";
import type { IsUnknown } from "./parse";
import type { Problem } from "./problem";
import { type DeclaredRealServer, FORWARDING_METHODS, type RealServer } from "./real-server";
import { isRecord } from "./record";
import { DEFAULT_TUNNEL, tunnelProblems } from "./tunnel";

/**
 * What IPVS forbids between a virtual server and one of its real servers, and among the settings of a real server.
 * Paths are relative to the real server; rules are skipped while a value they need is not known or no good by itself.
 */
export function memberProblems(
  server: VirtualServerIdentity,
  member: DeclaredRealServer,
  isUnknown: IsUnknown = () => false,
): Problem[] {
  return [
    ...portProblems(server, member),
    ...familyProblems(server, member, isUnknown),
    ...tunnelRules(member),
    ...thresholdProblems(member, isUnknown),
    ...checkPortProblems(server, member.healthCheck, isUnknown),
  ];
}

/** Neither wrong, which is said elsewhere, nor not known yet. */
function isMethod(value: unknown): boolean {
  return FORWARDING_METHODS.some((method) => method === value);
}

function portProblems(server: VirtualServerIdentity, member: RealServer): Problem[] {
  const outer = server.fwmark === undefined ? server.port : 0;
  if (typeof outer !== "number" || typeof member.port !== "number") return [];
  if (outer !== 0 && member.port === 0) return [{ path: ["port"], reason: NO_PORT_0 }];
  if (!isMethod(member.forwarding)) return [];
  if (outer === 0 && server.fwmark === undefined && member.port !== 0) {
    const reason = `expected no port, found ${member.port}: a virtual server of every port keeps that of the packet`;
    return [{ path: ["port"], reason }];
  }
  if (member.forwarding === "nat" || member.port === outer) return [];
  const expected = outer === 0 ? "no port" : `the virtual server's port ${outer}`;
  const reason = `expected ${expected}, found ${member.port}: ${member.forwarding} forwards packets unchanged, only nat can change a port`;
  return [{ path: ["port"], reason }];
}

/** A port of 0 is the packet's own, where the virtual server has none of its own either. */
const NO_PORT_0 = "expected a whole number from 1 to 65535, found 0";

function familyProblems(server: VirtualServerIdentity, member: RealServer, isUnknown: IsUnknown): Problem[] {
  const values = [member.address, server.fwmark === undefined ? server.address : server.family];
  if (values.some((value) => typeof value !== "string" || isUnknown(value))) return [];
  if (!isMethod(member.forwarding) || member.forwarding === "tun") return [];
  const [outer, inner] = [familyOfIdentity(server), familyOf(member.address)];
  if (outer === inner) return [];
  const reason = `expected an ${outer} address like the virtual server's, found ${member.address}: ${member.forwarding} cannot change the address family, only tun can`;
  return [{ path: ["address"], reason }];
}

function tunnelRules({ forwarding, tunnel }: RealServer): Problem[] {
  if (!isRecord(tunnel) || !isMethod(forwarding)) return [];
  if (forwarding !== "tun") {
    return [{ path: ["tunnel"], reason: `expected no tunnel with ${forwarding}: only tun wraps packets` }];
  }
  return tunnelProblems(tunnel).map(({ path, reason }) => ({ path: ["tunnel", ...path], reason }));
}

function thresholdProblems({ upperThreshold, lowerThreshold }: RealServer, isUnknown: IsUnknown): Problem[] {
  if (typeof lowerThreshold !== "number" || lowerThreshold === 0 || isUnknown(upperThreshold)) return [];
  if (upperThreshold !== undefined && typeof upperThreshold !== "number") return [];
  if (upperThreshold !== undefined && upperThreshold >= lowerThreshold) return [];
  const found = upperThreshold ?? "none";
  const reason = `expected upperThreshold to be ${lowerThreshold} or more, found ${found}: a server would never come back`;
  return [{ path: ["lowerThreshold"], reason }];
}

/**
 * Only a virtual server of one port, and of the protocol that carries the check, tells where its servers can be asked. Those
 * of tcp can be asked over UDP on their port too.
 *
 * @param check paths of problems begin with healthCheck
 */
export function checkPortProblems(
  server: VirtualServerIdentity,
  check: HealthCheck | undefined,
  isUnknown: IsUnknown = () => false,
): Problem[] {
  if (!isRecord(check) || isUnknown(check.type) || check.type === "none" || check.port !== undefined)
    return [];
  if ("transport" in check && isUnknown(check.transport)) return [];
  const transport = transportOf(check as ActiveHealthCheck);
  const what = unaskable(server, isUnknown);
  if (what === undefined || what === transport) return [];
  const reason = `expected the port to check, found nothing: servers of ${what} are asked over ${transport}, and only you know on which port`;
  return [{ path: ["healthCheck", "port"], reason }];
}

function unaskable(server: VirtualServerIdentity, isUnknown: IsUnknown): string | undefined {
  if (server.fwmark !== undefined) return "a firewall mark";
  if (server.port === 0) return "every port";
  const { protocol } = server;
  return !isUnknown(protocol) && (protocol === "udp" || protocol === "sctp") ? protocol : undefined;
}

/**
 * A real server in normal form: the port filled in, and nothing said that is the default anyway, so that it shows as no
 * difference. One that is not known yet stays as it is.
 */
export function normalMember<T extends Partial<RealServer>>(member: T, serverPort: number | undefined): T {
  if (!isRecord(member)) return member;
  const { tunnel, upperThreshold, lowerThreshold, ...rest } = member as T & RealServer;
  const plain = rest.forwarding === "tun" && isDeepStrictEqual(tunnel, DEFAULT_TUNNEL);
  return {
    ...rest,
    port: member.port ?? serverPort,
    ...(tunnel !== undefined && !plain && { tunnel }),
    ...(upperThreshold !== undefined && upperThreshold !== 0 && { upperThreshold }),
    ...(lowerThreshold !== undefined && lowerThreshold !== 0 && { lowerThreshold }),
  } as unknown as T;
}
