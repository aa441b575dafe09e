import type { Member, Registry } from "../../director/data";
import { virtualServerKey } from "../../spec";
import { realServerId, virtualServerId } from "./ids";
import type { Found } from "./resources";
import { find, memberAt, memberTag } from "./resources";
import type { Answer, AnsweredEdit, Api, Call } from "./route";
import {
  identityIn,
  placeIn,
  registered,
  registeredMember,
  requireMember,
  wholeRealServer,
  withTag,
} from "./targets";
import type { EditBasis } from "./writer";

/** Where the servers of a pool are. */
export const POOL = "/v1/virtual-servers/{id}/real-servers";
/** Where one of them is. */
export const ONE = `${POOL}/{server}`;
/** What is answered where there is none. */
export const NOT_THERE = { description: "there is no such virtual server or real server", schema: "Problem" };

/** An edit of one real server, answered with what stands afterwards. */
export function editOf(
  api: Api,
  call: Call,
  alter: (basis: EditBasis, found: Found) => Registry,
): AnsweredEdit {
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

/** Something of a real server, with its entity tag. */
export function showing(
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
export function standing(
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

/** Where a real server is, as a path. */
export function placeOf(found: Found, member: Member): string {
  const [id, server] = [virtualServerId(found.registration), realServerId(member)].map(encodeURIComponent);
  return `/v1/virtual-servers/${id}/real-servers/${server}`;
}
