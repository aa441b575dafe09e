import { compareAddresses, familyOf } from "./address";
import { type IsUnknown, type Parsed, parse } from "./parse";
import type { Problem } from "./problem";
import { type RealServer, realServerKey } from "./real-server";
import { isRecord } from "./record";
import { defaultHealthCheck, type VirtualServer, virtualServer } from "./virtual-server";

/**
 * Reads a virtual server as a user wrote it: checks every field and every rule between fields, fills in the
 * defaults and sorts the pool, so that order and spelling never show up as a difference.
 */
export function parseVirtualServer(
  input: unknown,
  isUnknown: IsUnknown = () => false,
): Parsed<VirtualServer> {
  const { value, problems } = parse(virtualServer, input, isUnknown);
  if (!isRecord(value)) return { value, problems };
  const pool = Array.isArray(value.realServers)
    ? value.realServers.map((one) => withPort(one, value.port))
    : undefined;
  const normal: VirtualServer = {
    ...value,
    healthCheck: value.healthCheck ?? defaultHealthCheck(value.protocol),
    realServers: pool ?? (value.realServers as undefined),
  };
  return {
    value: {
      ...normal,
      ...(Array.isArray(normal.realServers) && { realServers: sortPool(normal.realServers) }),
    },
    problems: [...problems, ...poolProblems(normal, isUnknown)],
  };
}

/** Not known yet (a whole server given as an output): stays the text it is. */
function withPort(server: Partial<RealServer> & Omit<RealServer, "port">, port: number): RealServer {
  return isRecord(server) ? { ...server, port: server.port ?? port } : server;
}

/** A pool in normal order: by address and port. All directors are filled in this order (design: same everywhere). */
export function sortPool<T extends RealServer>(pool: readonly T[]): T[] {
  return [...pool].sort(
    (a, b) =>
      compareAddresses(addressOf(a), addressOf(b)) || (isRecord(a) && isRecord(b) ? a.port - b.port : 0) || 0,
  );
}

function addressOf(server: RealServer): string {
  return isRecord(server) && typeof server.address === "string" ? server.address : "";
}

function poolProblems(server: VirtualServer, isUnknown: IsUnknown): Problem[] {
  if (!Array.isArray(server.realServers)) return [];
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  server.realServers.forEach((member: RealServer, index) => {
    if (isUnknown(member) || !isRecord(member)) return;
    const rules = memberProblems(server, member, isUnknown);
    problems.push(...rules.map(({ path, reason }) => ({ path: ["realServers", index, ...path], reason })));
    if (typeof member.address !== "string" || isUnknown(member.address) || isUnknown(member.port)) return;
    const key = realServerKey(member);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else {
      const reason = `expected each server once, but ${key} is realServers[${first}] too`;
      problems.push({ path: ["realServers", index], reason });
    }
  });
  return problems;
}

/** What IPVS forbids between a virtual server and one of its real servers; paths are relative to the real server. */
export function memberProblems(
  server: Pick<VirtualServer, "address" | "port">,
  member: RealServer,
  isUnknown: IsUnknown = () => false,
): Problem[] {
  const problems: Problem[] = [];
  const known = (...values: unknown[]) => values.every((value) => value !== undefined && !isUnknown(value));
  const bothAddresses = typeof server.address === "string" && typeof member.address === "string";
  if (known(server.port, member.port, member.forwarding)) {
    if (member.forwarding !== "nat" && member.port !== server.port) {
      problems.push({
        path: ["port"],
        reason: `expected the virtual server's port ${server.port}, found ${member.port}: ${member.forwarding} forwards packets unchanged, only nat can change a port`,
      });
    }
  }
  if (
    bothAddresses &&
    known(server.address, member.address, member.forwarding) &&
    member.forwarding !== "tun"
  ) {
    const [outer, inner] = [familyOf(server.address), familyOf(member.address)];
    if (outer !== inner) {
      problems.push({
        path: ["address"],
        reason: `expected an ${outer} address like the virtual server's, found ${member.address}: ${member.forwarding} cannot change the address family, only tun can`,
      });
    }
  }
  return problems;
}
