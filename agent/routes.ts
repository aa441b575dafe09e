import type { CheckAnswer, Digests, PlaneAnswer } from "../director/data";
import { type Dial, waitUntilHealthy } from "../health";
import type { Keeper } from "./keeper";
import { changeOrder, checkOrder } from "./orders";
import type { Participant } from "./plane/participant";
import { planeRoutes } from "./plane/routes";
import { type Question, RequestProblem, type Routes } from "./server";
import { explain } from "./status";

/**
 * What the provider and operators ask, on the unix socket alone; the rest is the API's (agent/api/).
 *
 * @param plane undefined: the director shares with nobody
 */
export function routesOf(keeper: Keeper, dial: Dial, plane?: Participant): Routes {
  const declaring = plane?.declaring ?? keeper;
  return {
    ...planeRoutes(plane),
    "GET /healthz": async () => healthz(keeper, plane?.answer),
    "GET /v1/state": ({ query }) => declaring.state(digestsOf(query)),
    "POST /v1/changes": ({ body }) => declaring.change(changeOrder(body)),
    "POST /v1/checks": (question) => gate(question, dial),
    "POST /v1/drains": ({ query }) => drained(keeper, query, "start"),
    "DELETE /v1/drains": ({ query }) => drained(keeper, query, "end"),
    "GET /v1/explain": async ({ query }) => explained(keeper, query.get("server") ?? ""),
  };
}

/** Something that takes longer hangs: the kernel's tools, or a disk. */
const STUCK_MS = 10_000;

/**
 * Well, unless it cannot keep its table. That it does not follow what is shared is told, and is no reason to take a director
 * out of service: it forwards as it did.
 */
export function healthz({ view }: Pick<Keeper, "view">, plane?: PlaneAnswer): Healthz {
  const { trouble, busyMs } = view;
  if (busyMs > STUCK_MS)
    throw new RequestProblem(503, "not well", `what it is doing takes ${Math.round(busyMs / 1000)} s so far`);
  if (trouble !== undefined) throw new RequestProblem(503, "not well", trouble);
  if (!plane) return { ok: true };
  const { state, since, reason, revision, conflicts } = plane;
  return { ok: true, plane: { state, since, ...(reason !== undefined && { reason }), revision, conflicts } };
}

/** What `GET /healthz` answers of a director that is well. */
export interface Healthz {
  readonly ok: true;
  readonly plane?: Pick<PlaneAnswer, "state" | "since" | "reason" | "revision" | "conflicts">;
}

function digestsOf(query: URLSearchParams): Digests {
  return { registry: query.get("registry") ?? "-", table: query.get("table") ?? "-" };
}

async function gate({ body, signal }: Question, dial: Dial): Promise<CheckAnswer> {
  const { check, target } = checkOrder(body);
  return waitUntilHealthy(check, target, dial, signal);
}

async function drained(keeper: Keeper, query: URLSearchParams, wanted: "start" | "end") {
  const server = query.get("server") ?? "";
  const services = await keeper.drain(server, query.get("service") ?? undefined, wanted);
  if (services.length === 0) throw noServer(server);
  return { services };
}

function explained(keeper: Keeper, server: string) {
  const found = explain(keeper, server);
  if (found.length === 0) throw noServer(server);
  return found;
}

function noServer(server: string): RequestProblem {
  return new RequestProblem(
    404,
    "not found",
    `no virtual server has a real server ${JSON.stringify(server)}`,
  );
}
