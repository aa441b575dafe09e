import { hostname } from "node:os";
import {
  effectiveWeight,
  findRegistration,
  type Member,
  type PlaneAnswer,
  type Registration,
} from "../director/data";
import type { ServerHealth } from "../health";
import { destinationKey, findService } from "../ipvs";
import { realServerKey } from "../spec";
import type { Alarm } from "./alarms";
import type { Drain } from "./drains";
import type { Keeper } from "./keeper";
import type { MaintenanceState } from "./maintenance";
import type { KernelWay } from "./open-kernel";
import { keyOf, registrations } from "./probes";
import { DEFAULT_QUORUM, sorryMember, type Wanted, wantedService, weightOf } from "./wanted";

/** A real server as the agent sees it. */
export interface ServerStatus {
  /** `10.0.0.1:80` */
  readonly server: string;
  readonly configuredWeight: number;
  /** What it is to have: the configured weight, unless one of the reasons below takes it out. */
  readonly effectiveWeight: number;
  /** What the kernel held when it was last looked at; null: it is not in the table. */
  readonly kernelWeight: number | null;
  /** Why the two differ; empty where they do not. `drained`: an operator asked for it on this director. */
  readonly reasons: readonly (
    | "held"
    | "draining"
    | "drained"
    | "drained by the API"
    | "down"
    | "sorry server"
  )[];
  /** Absent: nothing is asked of it. */
  readonly health?: ServerHealth;
}

/** A virtual server as the agent sees it. */
export interface ServiceStatus {
  /** `tcp 192.0.2.1:80` */
  readonly service: string;
  /** Whether its pool has its quorum. */
  readonly up: boolean;
  readonly owner: string;
  readonly scheduler: string;
  /** What the weights of servers in service have to sum up to. */
  readonly quorum: number;
  /** How a server is chosen, as a text that is equal on directors that choose alike; absent: it is not worked out. */
  readonly digest?: string;
  readonly servers: readonly ServerStatus[];
  /** Who answers while there is no quorum. */
  readonly sorryServer?: { readonly server: string; readonly serves: boolean };
}

/** Everything at a glance. */
export interface Status {
  readonly director: string;
  readonly version: string;
  /** Epoch, in milliseconds. */
  readonly startedAt: number;
  /** How the kernel is read and edited. */
  readonly way?: KernelWay;
  /** When the table was last found, or made, as it is to be; 0: not yet. */
  readonly reconciledAt: number;
  /** Edits that took back what somebody else had changed. */
  readonly repairs: number;
  /** Why the table cannot be kept; absent while it can. */
  readonly trouble?: string;
  readonly checks: Keeper["view"]["pools"]["watch"]["counters"];
  readonly drains: readonly Drain[];
  /** What somebody else has changed, of virtual servers whose drift is only reported. */
  readonly drift?: readonly string[];
  /** Whether packets may be sent here: nothing is wrong with this director itself. Absent: it was not asked. */
  readonly ready?: boolean;
  readonly maintenance?: MaintenanceState;
  /** All that somebody should look at. */
  readonly alarms?: readonly Alarm[];
  /** Texts that are equal on directors that hold the same, and choose alike. */
  readonly digests?: { readonly registry: string; readonly table: string; readonly choice?: string };
  readonly services: readonly ServiceStatus[];
  /** How the director stands to what it shares with others; absent: it shares with nobody. */
  readonly plane?: PlaneAnswer;
}

/** What is looked at. */
export type Viewed = Pick<Keeper, "view">;

/** The agent's own state, for people and programs. */
export function statusOf(
  keeper: Viewed,
  about: Pick<Status, "version" | "startedAt" | "way">,
  plane?: PlaneAnswer,
): Status {
  const { repairs, drift, reconciledAt, trouble } = keeper.view;
  const { registry, watch, drains } = keeper.view.pools;
  const services = [...registrations(registry)].map(([key, one]) => serviceStatus(keeper, key, one));
  return {
    director: hostname(),
    ...about,
    reconciledAt,
    repairs,
    ...(trouble !== undefined && { trouble }),
    checks: watch.counters,
    drains: drains.all,
    ...(drift.length > 0 && { drift }),
    services,
    ...(plane && { plane }),
  };
}

/** One virtual server, by its key. */
export function serviceStatus(keeper: Viewed, key: string, registration: Registration): ServiceStatus {
  const { registry, lost } = keeper.view.pools;
  const owner = findRegistration(registry, key)?.owner.label ?? "";
  const sorry = sorryMember(registration);
  const sorryServer = sorry && {
    server: realServerKey(sorry),
    serves: heldWeight(keeper, key, sorry) !== null,
  };
  const servers = serversOf(keeper, key, registration);
  const { scheduler, quorum = DEFAULT_QUORUM } = registration;
  const about = { service: key, up: !lost.has(key), owner, scheduler, quorum: quorum.weight };
  return { ...about, servers, ...(sorryServer && { sorryServer }) };
}

function heldWeight({ view }: Viewed, key: string, member: Member): number | null {
  const found = findService(view.seen, key)?.destinations;
  return found?.find((one) => destinationKey(one) === realServerKey(member))?.weight ?? null;
}

function serversOf(keeper: Viewed, key: string, registration: Registration): ServerStatus[] {
  const wanted = wantedOf(keeper, key, registration);
  return registration.members.map((member) => serverStatus(keeper, key, registration, wanted, member));
}

/** What a virtual server is to be now. */
export function wantedOf({ view }: Viewed, key: string, registration: Registration): Wanted {
  const { watch, lost, drains } = view.pools;
  return wantedService(registration, undefined, [], {
    isHealthy: (member) => watch.isHealthy(registration, member),
    isDrained: (member) => drains.isAsked(key, realServerKey(member)),
    wasUp: !lost.has(key),
  });
}

/** One real server of a virtual server. */
export function serverStatus(
  keeper: Viewed,
  key: string,
  registration: Registration,
  { out, factors }: Pick<Wanted, "out" | "factors">,
  member: Member,
): ServerStatus {
  const { watch, drains } = keeper.view.pools;
  const server = realServerKey(member);
  const isHealthy = watch.isHealthy(registration, member);
  const isDrained = drains.isAsked(key, server);
  const isOut = out.has(server) && !isDrained && (effectiveWeight(member) > 0 || !isHealthy);
  const probe = keyOf(registration, member);
  const health = probe === undefined ? undefined : watch.health(probe);
  const reasons = [
    ...(member.held ? (["held"] as const) : []),
    ...(member.draining ? (["draining"] as const) : []),
    ...(member.weight > 0 && isDrained ? (["drained"] as const) : []),
    ...(member.drained ? (["drained by the API"] as const) : []),
    ...(isOut ? [isHealthy ? ("sorry server" as const) : ("down" as const)] : []),
  ];
  return {
    server,
    configuredWeight: member.weight,
    effectiveWeight: weightOf(factors(member)),
    kernelWeight: heldWeight(keeper, key, member),
    reasons,
    ...(health && { health }),
  };
}
