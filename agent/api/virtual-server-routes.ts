import * as z from "zod";
import type { Registry } from "../../director/data";
import { type VirtualServerIdentity, virtualServerKey } from "../../spec";
import { registrations } from "../probes";
import { patchBody, patched, virtualServerBody } from "./bodies";
import { refuseExisting, withoutVirtualServer, withVirtualServer } from "./edits";
import { virtualServerId } from "./ids";
import { PAGE_MAX } from "./limits";
import { ofRevision } from "./of-revision";
import { invalid } from "./problem";
import { drainMsIn, drainQuery } from "./query";
import { declaredOf, find, revisionTag, shownVirtualServer, tagOf } from "./resources";
import type { Answer, AnsweredEdit, Api, Call, ReadRoute, Route, WriteRoute } from "./route";
import {
  identityIn,
  KNOWN,
  registered,
  requireVirtualServer,
  versioned,
  wholeVirtualServer,
  withTag,
} from "./targets";
import type { EditBasis, Written } from "./writer";

const COLLECTION = "/v1/virtual-servers";
const ONE = `${COLLECTION}/{id}`;
const NOT_THERE = { description: "there is no such virtual server", schema: "Problem" };

const list: ReadRoute = {
  kind: "read",
  method: "GET",
  path: COLLECTION,
  operation: {
    id: "listVirtualServers",
    summary: "All virtual servers, whoever declared them, without their state; by pages",
    query: {
      limit: z
        .string()
        .regex(/^[1-9][0-9]{0,3}$/, { error: `expected a whole number from 1 to ${PAGE_MAX}` })
        .refine((text) => Number(text) <= PAGE_MAX, {
          error: `expected a whole number from 1 to ${PAGE_MAX}`,
        })
        .describe(`virtual servers on a page, 1 to ${PAGE_MAX}, which is the default`),
      after: z.string().max(200).describe("the last id of the page before"),
    },
    answers: { 200: { description: "a page, in the order of ids", schema: "VirtualServers" }, 304: KNOWN },
  },
  read: ({ declarations }, call) => {
    const { registry, revision } = declarations.view;
    const { limit, after = "" } = call.query;
    const size = limit === undefined ? PAGE_MAX : Number(limit);
    const all = [...registrations(registry).values()]
      .map((one) => ({ id: virtualServerId(one), one }))
      .filter(({ id }) => id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const items = all
      .slice(0, size)
      .flatMap(({ one }) => find(registry, one) ?? [])
      .map(shownVirtualServer);
    const last = all[size - 1]?.id;
    const next = all.length > size && last !== undefined ? { next: last } : {};
    return versioned(call, revisionTag(revision), () => ({ items, ...next }));
  },
};

const read: ReadRoute = {
  kind: "read",
  method: "GET",
  path: ONE,
  operation: {
    id: "readVirtualServer",
    summary: "One virtual server, with its state on this director",
    answers: { 200: { description: "it", schema: "VirtualServer" }, 404: NOT_THERE },
  },
  read: (api, call) => {
    const found = registered(api.declarations.view.registry, identityIn(call));
    return withTag(200, tagOf(found.registration), wholeVirtualServer(api, found));
  },
};

const create: WriteRoute = {
  kind: "write",
  method: "POST",
  path: COLLECTION,
  operation: {
    id: "createVirtualServer",
    summary: "Declare a new virtual server",
    description:
      "Its servers are asked first. With `realServers` they are the whole pool; without, servers are added one by one.",
    body: "VirtualServer",
    answers: { 201: { description: "it stands", schema: "VirtualServer" } },
  },
  edit: (api, { body, ...call }) => {
    const declared = virtualServerBody(body, undefined);
    // The tag of where it is put is that of the list: of all that is declared.
    return ofRevision(api, call, {
      key: virtualServerKey(declared),
      apply: (basis) => {
        refuseExisting(basis, declared);
        return withVirtualServer(basis, declared);
      },
      answer: (written) =>
        standing(api, { ...call, body, params: { id: virtualServerId(declared) } }, written),
    });
  },
};

const replace: WriteRoute = {
  kind: "write",
  method: "PUT",
  path: ONE,
  operation: {
    id: "replaceVirtualServer",
    summary: "Declare a virtual server, new or in place of what is declared",
    description:
      "Servers that are not listed any more are drained. Without `realServers` those that are there stay.",
    body: "VirtualServer",
    answers: {
      200: { description: "it stands so", schema: "VirtualServer" },
      201: { description: "it is new", schema: "VirtualServer" },
      404: { description: "the path names none", schema: "Problem" },
    },
  },
  edit: (api, call) => {
    const identity = identityIn(call);
    const declared = virtualServerBody(call.body, identity);
    requireSame(virtualServerId(declared), virtualServerId(identity));
    return editOf(api, call, (basis) => withVirtualServer(basis, declared));
  },
};

const patch: WriteRoute = {
  kind: "write",
  method: "PATCH",
  path: ONE,
  operation: {
    id: "changeVirtualServer",
    summary: "Change some properties of a virtual server (JSON Merge Patch, RFC 7396)",
    description: "null takes a property back to its default. A list is replaced as a whole.",
    body: "VirtualServerPatch",
    answers: { 200: { description: "it stands so", schema: "VirtualServer" }, 404: NOT_THERE },
  },
  edit: (api, call) => {
    const change = patchBody("virtual server", call.body);
    return editOf(api, call, (basis, identity) => {
      const found = registered(basis.registry, identity);
      const declared = virtualServerBody(patched(declaredOf(found.registration), change), identity);
      requireSame(virtualServerId(declared), virtualServerId(identity));
      return withVirtualServer(basis, declared);
    });
  },
};

const remove: WriteRoute = {
  kind: "write",
  method: "DELETE",
  path: ONE,
  operation: {
    id: "deleteVirtualServer",
    summary: "Take a virtual server away, once its servers have drained",
    description:
      "Its servers take no new connections from now on. It goes when the last of them has no connections left or its time is over. The API's own alone can be deleted.",
    query: drainQuery,
    answers: {
      202: { description: "its servers drain; it goes by itself", schema: "VirtualServer" },
      204: { description: "it is gone" },
      404: NOT_THERE,
    },
  },
  edit: (api, call) => {
    const drainMs = drainMsIn(call);
    return {
      ...editOf(api, call, (basis, identity) =>
        withoutVirtualServer(basis, registered(basis.registry, identity), drainMs),
      ),
      answer: ({ after }) => {
        const found = find(after, identityIn(call));
        if (!found) return { status: 204 };
        return withTag(202, tagOf(found.registration), wholeVirtualServer(api, found));
      },
    };
  },
};

/** Routes of virtual servers themselves. */
export const VIRTUAL_SERVER_ROUTES: readonly Route[] = [list, create, read, replace, patch, remove];

/** An edit of one virtual server, answered with what stands afterwards. */
function editOf(
  api: Api,
  call: Call,
  alter: (basis: EditBasis, identity: VirtualServerIdentity) => Registry,
): AnsweredEdit {
  const identity = identityIn(call);
  return {
    key: virtualServerKey(identity),
    apply: (basis) => {
      requireVirtualServer(api, call, basis.first, identity);
      return alter(basis, identity);
    },
    answer: (written) => standing(api, call, written),
  };
}

/** A virtual server as it stands after a change. */
function standing(api: Api, call: Call, { before, after }: Pick<Written, "before" | "after">): Answer {
  const identity = identityIn(call);
  const found = registered(after, identity);
  const isNew = find(before, identity) === undefined;
  const answer = withTag(isNew ? 201 : 200, tagOf(found.registration), wholeVirtualServer(api, found));
  if (!isNew) return answer;
  const location = `${COLLECTION}/${encodeURIComponent(virtualServerId(identity))}`;
  return { ...answer, headers: { ...answer.headers, location } };
}

/** What a virtual server is cannot change: it would be another one. */
function requireSame(found: string, expected: string): void {
  if (found === expected) return;
  const reason = `expected the identity of ${expected}, which the path names, found ${found}: another identity is another virtual server`;
  throw invalid([{ path: [], reason }]);
}
