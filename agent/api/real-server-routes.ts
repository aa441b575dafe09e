import type { Member, Registry } from "../../director/data";
import { virtualServerKey } from "../../spec";
import { bodyOf, patchBody, patched, realServerBody, weightBody } from "./bodies";
import { withDrain, withoutDrain, withoutRealServer, withRealServer, withWeight } from "./edits";
import { realServerId, virtualServerId } from "./ids";
import { ApiProblem, invalid } from "./problem";
import { drainMsIn, drainQuery } from "./query";
import type { Found } from "./resources";
import { declaredMember, find, memberAt, memberTag, shownRealServer, tagOf } from "./resources";
import type { Answer, AnsweredEdit, Api, Call, ReadRoute, Route, WriteRoute } from "./route";
import {
  identityIn,
  KNOWN,
  placeIn,
  registered,
  registeredMember,
  requireMember,
  requireVirtualServer,
  versioned,
  wholeRealServer,
  withTag,
} from "./targets";
import type { EditBasis } from "./writer";

const POOL = "/v1/virtual-servers/{id}/real-servers";
const ONE = `${POOL}/{server}`;
const NOT_THERE = { description: "there is no such virtual server or real server", schema: "Problem" };

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
    body: "RealServer",
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

const readWeight: ReadRoute = {
  kind: "read",
  method: "GET",
  path: `${ONE}/weight`,
  operation: {
    id: "readWeight",
    summary: "The weight that a real server was declared with",
    answers: { 200: { description: "it", schema: "Weight" }, 404: NOT_THERE },
  },
  read: (api, call) => showing(api, call, (_, { weight }) => ({ weight })),
};

const changeWeight: WriteRoute = {
  kind: "write",
  method: "PUT",
  path: `${ONE}/weight`,
  operation: {
    id: "changeWeight",
    summary: "Give a real server another weight; from 0 to another one it is asked first",
    body: "Weight",
    answers: { 200: { description: "it has that weight", schema: "Weight" }, 404: NOT_THERE },
  },
  edit: (api, call) => {
    const { weight } = bodyOf(weightBody, call.body);
    return {
      ...editOf(api, call, (basis, found) => {
        registeredMember(found, placeIn(call));
        return withWeight(basis, found, placeIn(call), weight);
      }),
      answer: ({ after }) => showing(api, call, (_, one) => ({ weight: one.weight }), after),
    };
  },
};

const readDrain: ReadRoute = {
  kind: "read",
  method: "GET",
  path: `${ONE}/drain`,
  operation: {
    id: "readDrain",
    summary: "Whether a real server drains, why, and since when",
    answers: { 200: { description: "that", schema: "Drain" }, 404: NOT_THERE },
  },
  read: (api, call) => showing(api, call, (found, member) => drainOf(api, found, member)),
};

const startDrain: WriteRoute = {
  kind: "write",
  method: "PUT",
  path: `${ONE}/drain`,
  operation: {
    id: "startDrain",
    summary: "Let a real server take no new connections until that is taken back",
    answers: { 200: { description: "it takes none", schema: "Drain" }, 404: NOT_THERE },
  },
  edit: (api, call) => drainEdit(api, call, withDrain),
};

const endDrain: WriteRoute = {
  kind: "write",
  method: "DELETE",
  path: `${ONE}/drain`,
  operation: {
    id: "endDrain",
    summary: "Let a real server take connections again, also one that was to leave; it is asked first",
    answers: { 200: { description: "it takes connections", schema: "Drain" }, 404: NOT_THERE },
  },
  edit: (api, call) => drainEdit(api, call, withoutDrain),
};

/** Routes of the servers in a pool. */
export const REAL_SERVER_ROUTES: readonly Route[] = [
  ...[list, create, read, replace, patch, remove],
  ...[readWeight, changeWeight, readDrain, startDrain, endDrain],
];

/** An edit of one real server, answered with what stands afterwards. */
function editOf(api: Api, call: Call, alter: (basis: EditBasis, found: Found) => Registry): AnsweredEdit {
  const [identity, at] = [identityIn(call), placeIn(call)];
  return {
    key: virtualServerKey(identity),
    apply: (basis) => {
      requireMember(api, call, basis.first, identity, at);
      return alter(basis, registered(basis.registry, identity));
    },
    answer: ({ before, after }) => standing(api, call, at, before, after),
  };
}

function drainEdit(api: Api, call: Call, alter: typeof withDrain): AnsweredEdit {
  return {
    ...editOf(api, call, (basis, found) => {
      registeredMember(found, placeIn(call));
      return alter(basis, found, placeIn(call));
    }),
    answer: ({ after }) => showing(api, call, (found, one) => drainOf(api, found, one), after),
  };
}

/** Something of a real server, with its entity tag. */
function showing(
  api: Api,
  call: Call,
  show: (found: Found, member: Member) => unknown,
  registry: Registry = api.declarations.view.registry,
): Answer {
  const found = registered(registry, identityIn(call));
  const member = registeredMember(found, placeIn(call));
  return withTag(200, memberTag(found.registration, member), show(found, member));
}

/** A real server as it stands after a change. */
function standing(
  api: Api,
  call: Call,
  at: Pick<Member, "address" | "port">,
  before: Registry,
  after: Registry,
): Answer {
  const identity = identityIn(call);
  const found = registered(after, identity);
  const member = registeredMember(found, at);
  const old = find(before, identity);
  const isNew = !old || !memberAt(old, at);
  const tag = memberTag(found.registration, member);
  const answer = withTag(isNew ? 201 : 200, tag, wholeRealServer(api, found, member));
  return isNew ? { ...answer, headers: { ...answer.headers, location: placeOf(found, member) } } : answer;
}

/** Whether and why a server drains. What an operator asked of this director alone counts too, and is said apart. */
function drainOf({ keeper }: Api, found: Found, member: Member) {
  const id = realServerId(member);
  const here = keeper.view.pools.drains.all.filter(
    ({ service, server }) => service === found.key && server.replace(/:([0-9]+)$/, "-$1") === id,
  );
  const change = here.find(({ by }) => by === "change");
  return {
    drained: member.drained === true,
    leaving: member.draining === true,
    byOperator: here.some(({ by }) => by === "operator"),
    ...(member.draining && member.drainMs !== undefined && { drainMs: member.drainMs }),
    ...(change && { elapsedMs: change.elapsedMs }),
  };
}

function placeOf(found: Found, member: Member): string {
  const [id, server] = [virtualServerId(found.registration), realServerId(member)].map(encodeURIComponent);
  return `/v1/virtual-servers/${id}/real-servers/${server}`;
}

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
