import { drainOf } from "./drain";
import { withDrain, withoutDrain } from "./edits";
import { editOf, NOT_THERE, ONE, showing } from "./one-real-server";
import type { AnsweredEdit, Api, Call, ReadRoute, Route, WriteRoute } from "./route";
import { placeIn, registeredMember } from "./targets";

const PATH = `${ONE}/drain`;

const readDrain: ReadRoute = {
  kind: "read",
  method: "GET",
  path: PATH,
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
  path: PATH,
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
  path: PATH,
  operation: {
    id: "endDrain",
    summary: "Let a real server take connections again, also one that was to leave; it is asked first",
    answers: { 200: { description: "it takes connections", schema: "Drain" }, 404: NOT_THERE },
  },
  edit: (api, call) => drainEdit(api, call, withoutDrain),
};

/** Routes of the drain of a real server. */
export const DRAIN_ROUTES: readonly Route[] = [readDrain, startDrain, endDrain];

function drainEdit(api: Api, call: Call, alter: typeof withDrain): AnsweredEdit {
  return {
    ...editOf(api, call, (basis, found) => {
      registeredMember(found, placeIn(call));
      return alter(basis, found, placeIn(call));
    }),
    answer: ({ after }) => showing(api, call, (found, one) => drainOf(api, found, one), after),
  };
}
