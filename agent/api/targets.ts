import type { Member, Registry } from "../../director/data";
import { realServerKey, type VirtualServerIdentity, virtualServerKey } from "../../spec";
import { serviceStatus } from "../status";
import { differences } from "./history";
import { identityOfId, placeOfId } from "./ids";
import { isAmong, requirePreconditions } from "./preconditions";
import { notFound } from "./problem";
import {
  type Found,
  find,
  memberAt,
  memberTag,
  shownRealServer,
  shownVirtualServer,
  tagOf,
} from "./resources";
import type { Answer, Api, Call, Described } from "./route";

/** A server's place in its pool. */
type Place = Pick<Member, "address" | "port">;

/** A virtual server that a request names, there or not. Throws ApiProblem 404 for what can be none. */
export function identityIn({ params }: Call): VirtualServerIdentity {
  const identity = identityOfId(params.id ?? "");
  if (identity) return identity;
  const forms = "tcp-192.0.2.1-80, tcp-[2001:db8::1]-80 or fwmark-5-ipv4";
  throw notFound(`expected a virtual server such as ${forms}, found ${JSON.stringify(params.id)}`);
}

/** A real server's place that a request names, there or not. Throws ApiProblem 404 for what can be none. */
export function placeIn({ params }: Call): Place {
  const place = placeOfId(params.server ?? "");
  if (place) return place;
  const forms = "10.0.0.1-80 or [2001:db8::1]-80";
  throw notFound(`expected a real server such as ${forms}, found ${JSON.stringify(params.server)}`);
}

/** The virtual server that is registered there. Throws ApiProblem 404. */
export function registered(registry: Registry, identity: VirtualServerIdentity): Found {
  const found = find(registry, identity);
  if (!found) throw notFound(`there is no virtual server ${virtualServerKey(identity)}`);
  return found;
}

/** The real server that is registered in it. Throws ApiProblem 404. */
export function registeredMember(found: Found, at: Place): Member {
  const member = memberAt(found, at);
  if (!member) throw notFound(`virtual server ${found.key} has no real server ${realServerKey(at)}`);
  return member;
}

/** Refuses a change of a virtual server that is not as the client expects. */
export function requireVirtualServer(
  { history }: Api,
  { preconditions }: Call,
  registry: Registry,
  identity: VirtualServerIdentity,
): void {
  const found = find(registry, identity);
  requirePreconditions(preconditions, found && tagOf(found.registration), (tags) => {
    const known = history.find((old) => {
      const one = find(old, identity);
      return one && tags.includes(tagOf(one.registration)) ? one : undefined;
    });
    return known && differences(shownVirtualServer(known), found && shownVirtualServer(found));
  });
}

/** Refuses a change of a real server that is not as the client expects. */
export function requireMember(
  { history }: Api,
  { preconditions }: Call,
  registry: Registry,
  identity: VirtualServerIdentity,
  at: Place,
): void {
  const tagged = (from: Registry) => {
    const found = find(from, identity);
    const member = found && memberAt(found, at);
    return member && { tag: memberTag(found.registration, member), shown: shownRealServer(member) };
  };
  const now = tagged(registry);
  requirePreconditions(preconditions, now?.tag, (tags) => {
    const known = history.find((old) => {
      const one = tagged(old);
      return one && tags.includes(one.tag) ? one : undefined;
    });
    return known && differences(known.shown, now?.shown);
  });
}

/**
 * An answer with the entity tag of what is declared, which a change may name. What stands beside that in it, the state on
 * this director, moves while the tag stays: so it is answered whole, whatever the client has.
 */
export function withTag(status: number, tag: string, body: unknown): Answer {
  return { status, headers: { etag: tag }, body };
}

/** What {@link versioned} answers besides, as the document describes it. */
export const KNOWN: Described = { description: "it is the version that If-None-Match names" };

/** An answer that tells what is declared and nothing else, with its entity tag; without a body where the client has that version. */
export function versioned({ preconditions }: Call, tag: string, body: () => unknown): Answer {
  const { ifNoneMatch } = preconditions;
  const isKnown = ifNoneMatch !== undefined && isAmong(tag, ifNoneMatch);
  return isKnown ? { status: 304, headers: { etag: tag } } : withTag(200, tag, body());
}

/** A virtual server with its state. */
export function wholeVirtualServer({ keeper }: Api, found: Found): Readonly<Record<string, unknown>> {
  const { up, servers, sorryServer } = serviceStatus(keeper, found.key, found.registration);
  return { ...shownVirtualServer(found), status: { up, servers, ...(sorryServer && { sorryServer }) } };
}

/** A real server with its state. */
export function wholeRealServer(
  { keeper }: Api,
  found: Found,
  member: Member,
): Readonly<Record<string, unknown>> {
  const { servers } = serviceStatus(keeper, found.key, found.registration);
  const status = servers.find(({ server }) => server === realServerKey(member));
  return { ...shownRealServer(member), ...(status && { status }) };
}
