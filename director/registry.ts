import {
  type HealthCheck,
  type Quorum,
  type RealServer,
  realServerKey,
  type ServiceSettings,
  type SorryServer,
  type VirtualServer,
  type VirtualServerIdentity,
} from "../spec";
import { effectiveWeight } from "./weight";

/** A real server as registered: what was declared, and whether it is held back. */
export interface Member extends RealServer {
  /** Name of the RealServer resource; absent in inline pools. */
  readonly resource?: string;
  /** Which resource of that name; see {@link Registration}. */
  readonly token?: string;
  /** Type of the component that the resource is part of; absent: none. */
  readonly parent?: string;
  /** It has not passed its gate: in the kernel with weight 0 until it does. */
  readonly held?: true;
  /** It is on its way out: in the kernel with weight 0 until its connections have ended. */
  readonly draining?: true;
  /** An operator has declared that it takes no new connections, until that is taken back: in the kernel with weight 0. */
  readonly drained?: true;
  /** How long its connections may go on once it is draining; an agent ends the drain where nobody else does. */
  readonly drainMs?: number;
  /** Nobody waits for its drain: the agent removes it when its connections have ended, or its time is over. */
  readonly leaving?: true;
  /** The weight it last had in the kernel that was not 0; absent while it has one. See `Destination` in ipvs/. */
  readonly lastWeight?: number;
  /** Its own check, for an agent. Absent: the virtual server's. */
  readonly healthCheck?: HealthCheck;
}

/** What an agent goes by between changes; nothing of it is registered on a director without one. */
export interface Watched {
  /** How members without a check of their own are checked; absent: not at all. */
  readonly healthCheck?: HealthCheck;
  readonly quorum?: Quorum;
  readonly sorryServer?: SorryServer;
  readonly onUnhealthy?: VirtualServer["onUnhealthy"];
  readonly failOpenPercent?: number;
  /** Absent: what somebody else changes is taken back. */
  readonly driftPolicy?: "report";
}

/** A virtual server as registered on a director. */
export type Registration = VirtualServerIdentity & RegisteredSettings;

/** What is registered of a virtual server besides its identity. */
export interface RegisteredSettings extends ServiceSettings, Watched {
  /** Name of the VirtualServer resource. */
  readonly resource: string;
  /**
   * Random, given when the resource is created and kept in its state. Names change (aliases) and come back (a
   * replacement is created before the old one of the same name is deleted); a token is one resource for ever.
   */
  readonly token?: string;
  /** Type of the component that the resource is part of; absent: none. */
  readonly parent?: string;
  /** Who fills the pool: the virtual server itself, or RealServer resources. */
  readonly pool: "inline" | "separate";
  /** In the order in which they enter the kernel, which mh and sh go by. */
  readonly members: readonly Member[];
  /** It is removed when the last of its members has left; see {@link Member}. */
  readonly leaving?: true;
}

/** Everything one cluster resource of one stack owns on a director. */
export interface Owner {
  /** For people: project, stack and cluster. */
  readonly label: string;
  /** By `virtualServerKey`. */
  readonly virtualServers: Readonly<Record<string, Registration>>;
}

/**
 * The durable record of who owns what on a director: IPVS has no owner field. Kept in one file on the director,
 * written before the kernel is. Only what stands here is ever touched.
 */
export interface Registry {
  /** By cluster id. */
  readonly owners: Readonly<Record<string, Owner>>;
}

/** A director that nobody has used yet. */
export const EMPTY_REGISTRY: Registry = { owners: {} };

/** The registration of a virtual server and its owner's id, whoever that is. */
export function findRegistration(
  registry: Registry,
  key: string,
): { ownerId: string; owner: Owner; registration: Registration } | undefined {
  for (const [ownerId, owner] of Object.entries(registry.owners)) {
    const registration = owner.virtualServers[key];
    if (registration) return { ownerId, owner, registration };
  }
  return undefined;
}

/** What an owner has registered of a virtual server. */
export function registered(
  registry: Registry,
  actor: { readonly id: string },
  key: string,
): Registration | undefined {
  return registry.owners[actor.id]?.virtualServers[key];
}

/** A member of a pool, by `realServerKey`. */
export function findMember(registration: Registration | undefined, member: string): Member | undefined {
  return registration?.members.find((one) => realServerKey(one) === member);
}

/**
 * All servers that anybody has registered of a virtual server, its sorry server among them: an agent puts that one into the
 * pool, and nobody else would take it out. Between a change's two writings of the registry, where one owner hands it to
 * another, it has two.
 */
export function registeredMembers(registry: Registry, key: string): Member[] {
  return Object.values(registry.owners).flatMap(({ virtualServers }) => {
    const { members = [], sorryServer } = virtualServers[key] ?? {};
    const hasSorry = sorryServer && !members.some((one) => realServerKey(one) === realServerKey(sorryServer));
    return hasSorry ? [...members, { ...sorryServer, weight: 1 }] : members;
  });
}

/** The registry with one registration put in, replaced or (undefined) taken out; an owner of nothing goes too. */
export function withRegistration(
  registry: Registry,
  owner: { readonly id: string; readonly label: string },
  key: string,
  registration: Registration | undefined,
): Registry {
  const { label } = owner;
  const mine = registry.owners[owner.id]?.virtualServers ?? {};
  if (registration) {
    const virtualServers = { ...mine, [key]: withLastWeights(registration, mine[key]) };
    return { owners: { ...registry.owners, [owner.id]: { label, virtualServers } } };
  }
  const { [key]: _, ...virtualServers } = mine;
  const { [owner.id]: __, ...owners } = registry.owners;
  if (Object.keys(virtualServers).length === 0) return { owners };
  return { owners: { ...owners, [owner.id]: { label, virtualServers } } };
}

/** With the weights that mh goes on building its table from, of servers that have none any more. */
function withLastWeights(registration: Registration, before: Registration | undefined): Registration {
  if (registration.scheduler !== "mh") return registration;
  const known = new Map(before?.members.map((one) => [realServerKey(one), one]));
  const members = registration.members.map((one) => {
    const { lastWeight: told, ...member } = one;
    const old = known.get(realServerKey(one));
    const last = old ? effectiveWeight(old) || old.lastWeight : told;
    return effectiveWeight(one) > 0 || last === undefined ? member : { ...member, lastWeight: last };
  });
  return { ...registration, members };
}

/**
 * What is owned while `before` turns into `after`: everything of both. An entry stays owned until the kernel has
 * let it go, so that a crash in between leaves nothing that nobody owns.
 */
export function duringRegistry(before: Registry, after: Registry): Registry {
  let during = after;
  for (const [id, owner] of Object.entries(before.owners)) {
    for (const [key, old] of Object.entries(owner.virtualServers)) {
      const next = after.owners[id]?.virtualServers[key];
      const held = { id, label: after.owners[id]?.label ?? owner.label };
      if (!next) during = withRegistration(during, held, key, old);
      else if (next !== old) during = withRegistration(during, held, key, withOldMembers(next, old));
    }
  }
  return during;
}

function withOldMembers(next: Registration, old: Registration): Registration {
  const kept = new Set(next.members.map(realServerKey));
  const leaving = old.members.filter((member) => !kept.has(realServerKey(member)));
  return leaving.length === 0 ? next : { ...next, members: [...next.members, ...leaving] };
}
