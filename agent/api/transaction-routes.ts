import * as z from "zod";
import { formatPath } from "../../spec";
import { bodyOf } from "./bodies";
import { EDITS_MAX } from "./limits";
import { ofRevision } from "./of-revision";
import { ApiProblem, asProblem } from "./problem";
import type { AnsweredEdit, Api, Call, Route, TransactionRoute } from "./route";
import type { Router } from "./router";

/** Schema of one edit of a transaction: a request as it would be made by itself. */
export const editBody = z
  .strictObject({
    method: z
      .enum(["POST", "PUT", "PATCH", "DELETE"], { error: "expected one of POST, PUT, PATCH, DELETE" })
      .describe("the method of the request"),
    path: z
      .string({ error: "expected the path of a request" })
      .max(500, { error: "expected the path of a request" })
      .describe("its path and query, such as /v1/virtual-servers/tcp-192.0.2.1-80"),
    body: z.unknown().optional().describe("its body; with PATCH a JSON Merge Patch"),
    ifMatch: z
      .string({ error: "expected an entity tag" })
      .max(1_000, { error: "expected an entity tag" })
      .optional()
      .describe("its If-Match, of what stood before the transaction"),
  })
  .describe("a request that is made together with others");

/** Schema of a transaction. */
export const transactionBody = z
  .strictObject({
    edits: z
      .array(editBody, { error: "expected a list of edits" })
      .min(1, { error: "expected at least one edit" })
      .max(EDITS_MAX, { error: `expected at most ${EDITS_MAX} edits` }),
  })
  .describe("edits that are declared together, or not at all");

/** @param router knows the routes that an edit may name */
export function transactionRoutes(router: () => Router): readonly Route[] {
  const transact: TransactionRoute = {
    kind: "transaction",
    method: "POST",
    path: "/v1/transactions",
    operation: {
      id: "transact",
      summary: "Make many edits at once: all are declared, or none is",
      description:
        "Each edit sees those before it. All servers that enter are asked at the same time. The kernel has no transactions: what it has taken of them is in the status.",
      body: "Transaction",
      answers: { 200: { description: "all of them are declared", schema: "TransactionAnswer" } },
    },
    edits: (api, call) => {
      const { edits } = bodyOf(transactionBody, call.body);
      const all = edits.map((edit, index) => placed(index, () => editOf(api, call, router(), edit)));
      return all.map((edit) => ofRevision(api, call, edit));
    },
  };
  return [transact];
}

function editOf(
  api: Api,
  call: Call,
  router: Router,
  { method, path, body, ifMatch }: z.output<typeof editBody>,
): AnsweredEdit {
  const { route, params, query } = router.match(method, path);
  if (route.kind !== "write")
    throw new ApiProblem(422, "no edit", `${method} ${route.path} is no edit of a virtual server`, {
      code: "HEYE_INPUT",
    });
  if (query["dry-run"] !== undefined) throw PARTLY_DRY;
  return route.edit(api, { ...call, params, query, body, preconditions: { ifMatch } });
}

const PARTLY_DRY = new ApiProblem(
  422,
  "no part of a transaction",
  "expected a path without dry-run, found one that has it: ask for the plan of the whole with /v1/transactions?dry-run=true",
  { code: "HEYE_INPUT" },
);

/** An edit whose problems say which one of the transaction it is, also those that show when it is worked out. */
function placed(index: number, make: () => AnsweredEdit): AnsweredEdit {
  const within = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw withPlace(asProblem(error), index);
    }
  };
  const edit = within(make);
  return { ...edit, apply: (basis) => within(() => edit.apply(basis)) };
}

function withPlace({ status, title, message, parts, headers }: ApiProblem, index: number): ApiProblem {
  const at = formatPath(["edits", index]);
  const errors = (parts.errors ?? [{ path: "", message }]).map((one) => ({
    path: one.path === "" ? at : `${at}.body.${one.path}`,
    message: one.message,
  }));
  return new ApiProblem(status, title, `${at}: ${message}`, { ...parts, errors }, headers);
}
