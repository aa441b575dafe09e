import {
  canonicalJson,
  findRegistration,
  type Member,
  type Registration,
  type Registry,
  sha256,
} from "../../director/data";
import {
  identityOf,
  isRecord,
  realServer,
  realServerKey,
  type VirtualServerIdentity,
  virtualServer,
  virtualServerKey,
  withoutSecrets,
} from "../../spec";
import { realServerId, virtualServerId } from "./ids";

/** A virtual server where it is registered. */
export interface Found {
  readonly key: string;
  readonly ownerId: string;
  readonly label: string;
  readonly registration: Registration;
}

/** Who may change what the API declares: those who speak through it, together. */
export const API_OWNER = { id: "api", label: "the REST API" } as const;

/** Where a virtual server is registered, if it is. */
export function find(registry: Registry, identity: VirtualServerIdentity): Found | undefined {
  const key = virtualServerKey(identity);
  const found = findRegistration(registry, key);
  return found && { key, ownerId: found.ownerId, label: found.owner.label, registration: found.registration };
}

/** A virtual server as it was declared, with its secrets: what a merge patch is laid over. */
export function declaredOf(registration: Registration): Record<string, unknown> {
  const { scheduler, schedulerFlags, persistence, onePacket, pool, members } = registration;
  const { healthCheck, quorum, sorryServer, onUnhealthy, failOpenPercent } = registration;
  const settings = { scheduler, schedulerFlags, persistence, onePacket };
  const watched = { healthCheck, quorum, sorryServer, onUnhealthy, failOpenPercent };
  const staying = members.filter((one) => !one.leaving && !one.draining);
  return present({
    ...identityOf(registration),
    ...settings,
    ...watched,
    realServers: pool === "inline" ? staying.map(declaredMember) : undefined,
  });
}

/** A real server as it was declared, with its secrets. */
export function declaredMember(member: Member): Record<string, unknown> {
  const { address, port, weight, forwarding, tunnel, upperThreshold, lowerThreshold } = member;
  const { drainMs, healthCheck } = member;
  const place = { address, port, weight, forwarding };
  return present({ ...place, tunnel, upperThreshold, lowerThreshold, drainMs, healthCheck });
}

const shownServers = new WeakMap<Registration, Readonly<Record<string, unknown>>>();

/** A virtual server as the API shows it, without its state and without secrets. */
export function shownVirtualServer({ key, label, registration }: Found): Readonly<Record<string, unknown>> {
  const known = shownServers.get(registration);
  // The same registration has the same owner: it is a part of it.
  if (known) return known;
  const { resource, pool } = registration;
  const declared = withoutSecrets(virtualServer, declaredOf(registration));
  const id = virtualServerId(registration);
  const shown = { id, key, owner: { label, resource }, pool, ...(isRecord(declared) && declared) };
  shownServers.set(registration, shown);
  return shown;
}

/** A real server as the API shows it, without its state and without secrets. */
export function shownRealServer(member: Member): Readonly<Record<string, unknown>> {
  const declared = withoutSecrets(realServer, declaredMember(member));
  const { resource, drained, draining } = member;
  return {
    id: realServerId(member),
    ...(resource !== undefined && { resource }),
    ...(isRecord(declared) && declared),
    drained: drained === true,
    leaving: draining === true,
  };
}

/** A member of a pool by its place. */
export function memberAt(
  { registration }: Pick<Found, "registration">,
  at: Pick<Member, "address" | "port">,
): Member | undefined {
  return registration.members.find((one) => realServerKey(one) === realServerKey(at));
}

const tags = new WeakMap<object, string>();

/** Hexadecimal digits of a tag: 128 bits. */
const TAG_LENGTH = 32;

/**
 * The entity tag of a virtual server. What it is made of holds the registration's random token, so nobody can try
 * passwords against it.
 */
export function tagOf(registration: Registration): string {
  const known = tags.get(registration);
  if (known !== undefined) return known;
  const made = tagged(canonicalJson(registration));
  tags.set(registration, made);
  return made;
}

/** The entity tag of all that is declared. */
export function revisionTag(revision: string): string {
  return `"${revision}"`;
}

/** The entity tag of one of its real servers. */
export function memberTag(registration: Registration, member: Member): string {
  return tagged(`${registration.token ?? ""} ${canonicalJson(member)}`);
}

function tagged(text: string): string {
  return `"${sha256(text).slice(0, TAG_LENGTH)}"`;
}

/** Without what is not there. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
