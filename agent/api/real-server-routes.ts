import type { Member } from "../../director/data";
import { virtualServerKey } from "../../spec";
import { patchBody, patched, realServerBody } from "./bodies";
import { drainOf } from "./drain";
import { withoutRealServer, withRealServer } from "./edits";
import { realServerId } from "./ids";
import { editOf, NOT_THERE, ONE, POOL, placeOf, showing, standing } from "./one-real-server";
import { ApiProblem, invalid } from "./problem";
import { drainMsIn, drainQuery } from "./query";
import type { Found } from "./resources";
import { declaredMember, find, memberAt, memberTag, shownRealServer, tagOf } from "./resources";
import type { ReadRoute, Route, WriteRoute } from "./route";
import {
  identityIn,
  KNOWN,
  placeIn,
  registered,
  registeredMember,
  requireVirtualServer,
  versioned,
  wholeRealServer,
} from "./targets";

const list: ReadRoute = {
  kind: "read",
  method: "GET",
  path: POOL,
  operation: {
    id: "listRealServers",
    summary: "The pool of a virtual server, in the order in which its servers entered",
    answers: { 200: { description: "all of them", schema: "RealServers" }, 304: KNOWN, 404: NOT_THERE },
  },
  read: (api, call) => {
    const found = registered(api.declarations.view.registry, identityIn(call));
    const items = () => found.registration.members.map(shownRealServer);
    return versioned(call, tagOf(found.registration), () => ({ items: items() }));
  },
};

const create: WriteRoute = {
  kind: "write",
  method: "POST",
  path: POOL,
  operation: {
    id: "createRealServer",
    summary: "Add a real server to a pool, whoever declared the virtual server; it is asked first",
    body: "RealServer",
    answers: { 201: { description: "it takes connections", schema: "RealServer" }, 404: NOT_THERE },
  },
  edit: (api, call) => {
    const identity = identityIn(call);
    const declared = realServerBody(call.body, identity);
    return {
      key: virtualServerKey(identity),
      apply: (basis) => {
        requireVirtualServer(api, call, basis.first, identity);
        const found = registered(basis.registry, identity);
        if (memberAt(found, declared)) throw exists(found, declared);
        return withRealServer(basis, found, declared);
      },
      answer: ({ before, after }) => standing(api, call, declared, before, after),
    };
  },
};

const read: ReadRoute = {
  kind: "read",
  method: "GET",
  path: ONE,
  operation: {
    id: "readRealServer",
    summary: "One real server, with its state on this director",
    answers: { 200: { description: "it", schema: "RealServer" }, 404: NOT_THERE },
  },
  read: (api, call) => showing(api, call, (found, member) => wholeRealServer(api, found, member)),
};

const replace: WriteRoute = {
  kind: "write",
  method: "PUT",
  path: ONE,
  operation: {
    id: "replaceRealServer",
    summary: "Declare a real server, new or in place of what is declared",
    body: "PlacedRealServer",
    answers: {
      200: { description: "it stands so", schema: "RealServer" },
      201: { description: "it is new", schema: "RealServer" },
      404: NOT_THERE,
    },
  },
  edit: (api, call) => {
    const [identity, at] = [identityIn(call), placeIn(call)];
    const declared = realServerBody(call.body, identity, at);
    requireSame(declared, at);
    return editOf(api, call, (basis, found) => withRealServer(basis, found, declared));
  },
};

const patch: WriteRoute = {
  kind: "write",
  method: "PATCH",
  path: ONE,
  operation: {
    id: "changeRealServer",
    summary: "Change some properties of a real server (JSON Merge Patch, RFC 7396)",
    body: "RealServerPatch",
    answers: { 200: { description: "it stands so", schema: "RealServer" }, 404: NOT_THERE },
  },
  edit: (api, call) => {
    const change = patchBody("real server", call.body);
    return editOf(api, call, (basis, found) => {
      const at = placeIn(call);
      const standing = declaredMember(registeredMember(found, at));
      const declared = realServerBody(patched(standing, change), found.registration, at);
      requireSame(declared, at);
      return withRealServer(basis, found, declared);
    });
  },
};

const remove: WriteRoute = {
  kind: "write",
  method: "DELETE",
  path: ONE,
  operation: {
    id: "deleteRealServer",
    summary: "Take a real server out of its pool, once it has drained",
    description:
      "It takes no new connections from now on. It goes when it has no connections left, or its time is over. `DELETE` of its `drain` lets it stay.",
    query: drainQuery,
    answers: {
      202: { description: "it drains, and goes by itself", schema: "Drain" },
      204: { description: "it is gone" },
      404: NOT_THERE,
    },
  },
  edit: (api, call) => {
    const [identity, at, drainMs] = [identityIn(call), placeIn(call), drainMsIn(call)];
    return {
      ...editOf(api, call, (basis, found) => {
        registeredMember(found, at);
        return withoutRealServer(basis, found, at, drainMs);
      }),
      answer: ({ after }) => {
        const found = find(after, identity);
        const member = found && memberAt(found, at);
        if (!found || !member) return { status: 204 };
        const location = `${placeOf(found, member)}/drain`;
        const tag = memberTag(found.registration, member);
        return { status: 202, body: drainOf(api, found, member), headers: { etag: tag, location } };
      },
    };
  },
};

/** Routes of the servers in a pool; for their weights and drains see weight-routes.ts and drain-routes.ts. */
export const REAL_SERVER_ROUTES: readonly Route[] = [list, create, read, replace, patch, remove];

function exists(found: Found, at: Pick<Member, "address" | "port">): ApiProblem {
  const detail = `real server ${realServerId(at)} of virtual server ${found.key} is there already: use PUT or PATCH to change it`;
  return new ApiProblem(409, "there already", detail, { code: "HEYE_OWNED_ELSEWHERE" });
}

/** Where a server is cannot change: it would be another one. */
function requireSame(
  found: Pick<Member, "address" | "port">,
  expected: Pick<Member, "address" | "port">,
): void {
  if (realServerId(found) === realServerId(expected)) return;
  const reason = `expected the place of ${realServerId(expected)}, which the path names, found ${realServerId(found)}: another place is another server`;
  throw invalid([{ path: [], reason }]);
}
