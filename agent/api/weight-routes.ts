import { bodyOf, weightBody } from "./bodies";
import { withWeight } from "./edits";
import { editOf, NOT_THERE, ONE, showing } from "./one-real-server";
import type { ReadRoute, Route, WriteRoute } from "./route";
import { placeIn, registeredMember } from "./targets";

const PATH = `${ONE}/weight`;

const readWeight: ReadRoute = {
  kind: "read",
  method: "GET",
  path: PATH,
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
  path: PATH,
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

/** Routes of the weight of a real server. */
export const WEIGHT_ROUTES: readonly Route[] = [readWeight, changeWeight];
