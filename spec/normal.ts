import { compareAddresses, type Family, familyOf } from "./address";
import {
  familyOfIdentity,
  type IdentityInput,
  identityProblems,
  type VirtualServerIdentity,
  withIdentityDefaults,
} from "./identity";
import { checkPortProblems, memberProblems, normalMember } from "./member-rules";
import { type IsUnknown, type Parsed, parse } from "./parse";
import { normalPersistence, type PersistenceInput, persistenceProblems } from "./persistence";
import type { Problem } from "./problem";
import { type DeclaredRealServer, type RealServer, realServerKey } from "./real-server";
import { isRecord } from "./record";
import { flagProblems, normalFlags } from "./scheduler";
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
  if (!isRecord(value)) return { value: value as unknown as VirtualServer, problems };
  const settings = serviceSettings(value, isUnknown);
  const pool = value.realServers as unknown;
  const members = Array.isArray(pool)
    ? pool.map((one: Partial<RealServer>) => normalMember(one, portOf(value)))
    : pool;
  const sorry = value.sorryServer as unknown;
  const { adopt, ...others } = settings.value;
  const normal = {
    ...others,
    ...((adopt as unknown) !== false && { adopt }),
    healthCheck: value.healthCheck ?? defaultHealthCheck(settings.value, isUnknown),
    ...(isRecord(sorry) && { sorryServer: { ...sorry, port: sorry.port ?? portOf(value) } }),
    realServers: members as readonly DeclaredRealServer[] | undefined,
  } as VirtualServer;
  const said = new Set(problems.map(({ path }) => path.join(".")));
  const rules = [
    ...identityProblems(value, isUnknown),
    ...settings.problems,
    ...checkPortProblems(normal, normal.healthCheck, isUnknown),
    ...sorryProblems(without(normal, said), isUnknown),
    // What is no good by itself says nothing about the servers.
    ...poolProblems(without(normal, said), isUnknown),
  ];
  return {
    value: { ...normal, ...(Array.isArray(members) && { realServers: sortPool(members) }) },
    // What is wrong by itself needs no second word about what it is missing for.
    problems: [...problems, ...rules.filter(({ path }) => !said.has(path.join(".")))],
  };
}

interface ServiceInput extends IdentityInput {
  readonly scheduler: VirtualServer["scheduler"];
  readonly schedulerFlags?: VirtualServer["schedulerFlags"];
  readonly persistence?: PersistenceInput | undefined;
  readonly onePacket: boolean;
}

/** How the kernel treats connections: normal form, and the rules between those fields. */
function serviceSettings<T extends ServiceInput>(value: T, isUnknown: IsUnknown) {
  const { schedulerFlags: flags, persistence, onePacket, ...rest } = value;
  const identified = withIdentityDefaults(rest as T);
  const family = knownFamily(identified, isUnknown);
  const { protocol, port } = identified;
  const problems: Problem[] = [];
  const at = (key: string, found: readonly Problem[]) =>
    problems.push(...found.map(({ path, reason }) => ({ path: [key, ...path], reason })));
  if (Array.isArray(flags) && !isUnknown(value.scheduler)) {
    at("schedulerFlags", flagProblems(flags, value.scheduler));
  }
  if (isRecord(persistence)) {
    at("persistence", persistenceProblems(persistence as PersistenceInput, { family, protocol }));
  }
  if (port === 0 && persistence === undefined) {
    problems.push({ path: ["port"], reason: EVERY_PORT });
  }
  if (onePacket === true && (protocol === "tcp" || protocol === "sctp")) {
    problems.push({
      path: ["onePacket"],
      reason: `expected false for ${protocol}: only udp has no connections`,
    });
  }
  const knownFlags = Array.isArray(flags) && !flags.some(isUnknown);
  return {
    value: {
      ...identified,
      ...(flags !== undefined &&
        !isEmpty(flags) && { schedulerFlags: knownFlags ? normalFlags(flags) : flags }),
      ...(persistence !== undefined && {
        persistence: isRecord(persistence)
          ? normalPersistence(persistence as PersistenceInput, family)
          : persistence,
      }),
      ...(onePacket !== false && { onePacket }),
    },
    problems,
  };
}

const EVERY_PORT =
  "expected a port from 1 to 65535, found 0: every port needs persistence, so that a client's connections reach one server";

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}

function knownFamily(identity: VirtualServerIdentity, isUnknown: IsUnknown): Family | undefined {
  if (identity.fwmark !== undefined)
    return isUnknown(identity.family) ? undefined : familyOfIdentity(identity);
  const text: unknown = identity.address;
  return typeof text === "string" && !isUnknown(text) ? familyOf(text) : undefined;
}

function without(server: VirtualServer, keys: ReadonlySet<string>): VirtualServer {
  return Object.fromEntries(
    Object.entries(server).filter(([key]) => !keys.has(key)),
  ) as unknown as VirtualServer;
}

/** The port that servers have which name none. */
function portOf(identity: IdentityInput): number | undefined {
  return identity.fwmark === undefined ? identity.port : 0;
}

/** A pool in normal order: by address and port. */
export function sortPool<T extends RealServer>(pool: readonly T[]): T[] {
  return [...pool].sort(
    (a, b) =>
      compareAddresses(addressOf(a), addressOf(b)) || (isRecord(a) && isRecord(b) ? a.port - b.port : 0) || 0,
  );
}

function addressOf(server: RealServer): string {
  return isRecord(server) && typeof server.address === "string" ? server.address : "";
}

/** It is put into the pool as any other server is, so IPVS forbids the same. */
function sorryProblems(server: VirtualServer, isUnknown: IsUnknown): Problem[] {
  const { sorryServer } = server;
  if (!isRecord(sorryServer) || isUnknown(sorryServer)) return [];
  const member = { ...sorryServer, weight: 1, drainMs: 0 };
  return memberProblems(server, member, isUnknown).map(({ path, reason }) => ({
    path: ["sorryServer", ...path],
    reason,
  }));
}

function poolProblems(server: VirtualServer, isUnknown: IsUnknown): Problem[] {
  if (!Array.isArray(server.realServers)) return [];
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  server.realServers.forEach((member: DeclaredRealServer, index) => {
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
