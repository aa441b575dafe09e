import assert from "node:assert/strict";
import {
  type Actor,
  type Change,
  drain,
  type Member,
  putMember,
  putVirtualServer,
  type Registration,
  type Registry,
  removeMember,
  removeVirtualServer,
} from "../../director";
import { effectiveWeight } from "../../director/weight";
import { destinationKey, findService, type Table } from "../../ipvs";
import { realServerKey } from "../../spec";

/** A resource of a program: a virtual server, or (with `server`) one of the servers of a separate pool. */
export interface Resource {
  readonly actor: Actor;
  readonly name: string;
  readonly token: string;
  readonly port: number;
  readonly server?: string;
}

/** What a resource wants to happen. */
export type Wish =
  | {
      readonly kind: "put";
      readonly wanted: Registration | (Member & { readonly resource: string });
      readonly leaving: "drain" | "go";
    }
  | { readonly kind: "drain" }
  | { readonly kind: "remove" };

type Service = Registration & { readonly ownerId: string };

export function keyOf({ port }: Pick<Resource, "port">): string {
  return `tcp 192.0.2.1:${port}`;
}

/** The change by which a resource gets its wish. */
export function changeOf(resource: Resource, wish: Wish, known: boolean): Change {
  const { actor, name, token, server } = resource;
  const [key, claim] = [keyOf(resource), { resource: name, token }];
  if (wish.kind === "drain") return drain(actor, key, claim, server);
  if (wish.kind === "remove") {
    return server === undefined
      ? removeVirtualServer(actor, key, claim)
      : removeMember(actor, key, server, claim);
  }
  const { wanted, leaving } = wish;
  if ("members" in wanted) return putVirtualServer(actor, key, wanted, { known, leaving });
  return putMember(actor, key, wanted, { known });
}

/**
 * What should be registered, by the words of the design: whoever holds an entry has what it last asked for, and an undone
 * wish is as if it had never been, as far as it concerns its own resource.
 */
export class ModelOwners {
  readonly services = new Map<string, Service>();

  /** Whether a wish has to be granted; what it would touch is nobody's or the resource's own. */
  grants(
    resource: Resource,
    wish: Wish,
    table: { readonly foreign: boolean; readonly strangers: boolean },
  ): boolean {
    const found = this.services.get(keyOf(resource));
    const { actor, server } = resource;
    if (wish.kind === "remove" && server === undefined) {
      return !(this.#holds(resource, found) && found?.pool === "separate" && table.strangers);
    }
    if (wish.kind !== "put") return true;
    if (found && found.ownerId !== actor.id) return false;
    if (server === undefined) return found ? isSame(found, resource) : !table.foreign;
    const member = found?.members.find((one) => realServerKey(one) === server);
    if (!found || found.pool === "inline") return false;
    return member?.resource === undefined || isSame(member, resource);
  }

  /** @param table what the director's kernel held when it was asked */
  grant(resource: Resource, wish: Wish, table: Table): void {
    const key = keyOf(resource);
    const found = this.services.get(key);
    if (wish.kind === "put") {
      if ("members" in wish.wanted) this.#putService(resource, wish.wanted, wish.leaving, table);
      else if (found) this.#putMember(key, found, resource.server ?? "", wish.wanted);
    } else if (found && this.#holds(resource, found)) {
      const { server } = resource;
      if (wish.kind === "drain") {
        const isIt = (one: Member) => server === undefined || realServerKey(one) === server;
        this.#setMembers(
          key,
          found,
          found.members.map((one) => (isIt(one) ? draining(one) : one)),
        );
      } else if (server === undefined) this.services.delete(key);
      else this.#putMember(key, found, server, undefined);
    }
  }

  /** @param before what was registered when the wish was granted */
  takeBack(resource: Resource, wish: Wish, before: Registration | undefined): void {
    const key = keyOf(resource);
    const found = this.services.get(key);
    const { server, actor } = resource;
    const old = before?.members.find((one) => realServerKey(one) === server);
    if (wish.kind === "drain") {
      if (!found || !this.#holds(resource, found)) return;
      const rested = new Set(before?.members.filter((one) => one.draining).map(realServerKey));
      const isIt = (one: Member) => server === undefined || realServerKey(one) === server;
      const wasThere = (one: Member) =>
        before?.members.some((other) => realServerKey(other) === realServerKey(one));
      const woken = found.members.map((one) =>
        isIt(one) && wasThere(one) && !rested.has(realServerKey(one)) ? awake(one) : one,
      );
      this.#setMembers(key, found, woken);
    } else if (server === undefined) {
      const stands = wish.kind === "put" ? this.#holds(resource, found) : !found && isToken(before, resource);
      if (!stands) return;
      if (!before) return void this.services.delete(key);
      const members =
        found?.pool === "separate" && before.pool === "separate"
          ? withInherited(found.members, before.members)
          : before.members;
      this.services.set(key, { ...before, members, ownerId: actor.id });
    } else if (found) {
      const now = found.members.find((one) => realServerKey(one) === server);
      const stands =
        wish.kind === "put"
          ? isToken(now, resource) && found.ownerId === actor.id
          : !now && isToken(old, resource) && found.ownerId === actor.id;
      if (stands) this.#putMember(key, found, server, old);
    }
  }

  /** Takes over what is registered: after a crash nobody can tell how far the changes had come. */
  learn(registry: Registry): void {
    this.services.clear();
    for (const [ownerId, { virtualServers }] of Object.entries(registry.owners)) {
      for (const [key, one] of Object.entries(virtualServers)) {
        assert.ok(!this.services.has(key), `${key} has two owners`);
        this.services.set(key, { ...one, ownerId });
      }
    }
  }

  /** Whether a resource has what it wants. */
  has(resource: Resource, wish: Wish): boolean {
    if (wish.kind !== "put") return true;
    const found = this.services.get(keyOf(resource));
    if (!found || found.ownerId !== resource.actor.id) return false;
    const { wanted } = wish;
    if (!("members" in wanted)) return found.members.some((one) => text(one) === text(wanted));
    const isThere = (one: Member) => found.members.some((other) => text(other) === text(one));
    return found.scheduler === wanted.scheduler && isToken(found, resource) && wanted.members.every(isThere);
  }

  /** The same as a registry: by owner and key, members by their place. */
  asText(): string[] {
    return [...this.services].map(([key, { ownerId, ...one }]) => line(ownerId, key, one)).sort();
  }

  #putService(resource: Resource, wanted: Registration, leaving: "drain" | "go", table: Table): void {
    const key = keyOf(resource);
    const found = this.services.get(key);
    const before = found?.members ?? [];
    const names = new Set(wanted.members.map(realServerKey));
    const gone = before.filter((one) => !names.has(realServerKey(one)));
    const inline = [...wanted.members, ...(leaving === "drain" ? gone.map(draining) : [])];
    const claimed = before.filter((one) => one.resource !== undefined);
    const unclaimed = before.filter((one) => one.resource === undefined);
    const stays = found?.pool === "inline" || !claimed.some((one) => serves(key, one, table));
    const kept = found?.pool === "inline" ? before : before.map((one) => (one.resource ? one : awake(one)));
    const separate = stays ? kept : [...claimed, ...(leaving === "drain" ? unclaimed.map(draining) : [])];
    const members = wanted.pool === "inline" ? inline : separate;
    this.services.set(key, { ...wanted, members, ownerId: resource.actor.id });
  }

  #putMember(key: string, found: Service, server: string, wanted: Member | undefined): void {
    const others = found.members.filter((one) => realServerKey(one) !== server);
    this.#setMembers(key, found, wanted ? [...others, wanted] : others);
  }

  #setMembers(key: string, found: Service, members: readonly Member[]): void {
    this.services.set(key, { ...found, members });
  }

  #holds(resource: Resource, found: Service | undefined): boolean {
    if (!found || found.ownerId !== resource.actor.id) return false;
    const { server } = resource;
    return isToken(
      server === undefined ? found : found.members.find((one) => realServerKey(one) === server),
      resource,
    );
  }
}

/** A registry in the same words as {@link ModelOwners.asText}. */
export function registryText(registry: Registry): string[] {
  return Object.entries(registry.owners)
    .flatMap(([id, { virtualServers }]) =>
      Object.entries(virtualServers).map(([key, one]) => line(id, key, one)),
    )
    .sort();
}

function line(ownerId: string, key: string, { members, ...settings }: Registration): string {
  const texts = members.map((one) => text(one)).sort();
  return [ownerId, key, text(settings), ...texts].join("\n  ");
}

function text(value: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function isToken(claim: { readonly token?: string } | undefined, { token }: Resource): boolean {
  return claim?.token === token;
}

function isSame(claim: { readonly token?: string; readonly resource?: string }, one: Resource): boolean {
  return claim.token === one.token || claim.resource === one.name;
}

function awake({ draining: _, ...one }: Member): Member {
  return one;
}

function draining(one: Member): Member {
  return { ...one, draining: true };
}

/** Whether a server takes connections, by what is registered and by the kernel. */
function serves(key: string, one: Member, table: Table): boolean {
  const found = findService(table, key)?.destinations.find(
    (other) => destinationKey(other) === realServerKey(one),
  );
  return effectiveWeight(one) > 0 && (found?.weight ?? 0) > 0;
}

/** Resources' servers as they are now, nobody's as they were before. */
function withInherited(now: readonly Member[], before: readonly Member[]): Member[] {
  const taken = new Set(now.filter((one) => one.resource !== undefined).map(realServerKey));
  const was = before.filter((one) => one.resource === undefined && !taken.has(realServerKey(one)));
  const back = new Set(was.map(realServerKey));
  return [...now.filter((one) => !back.has(realServerKey(one))), ...was];
}
