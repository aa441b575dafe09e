import type { CheckAnswer, Digests } from "../director/data";
import { type Dial, waitUntilHealthy } from "../health";
import type { Keeper } from "./keeper";
import { changeOrder, checkOrder } from "./orders";
import { type Question, RequestProblem, type Routes } from "./server";
import { explain } from "./status";

/** What the provider and operators ask, on the unix socket alone; the rest is the API's (agent/api/). */
export function routesOf(keeper: Keeper, dial: Dial): Routes {
  return {
    "GET /healthz": async () => healthz(keeper),
    "GET /v1/state": ({ query }) => keeper.state(digestsOf(query)),
    "POST /v1/changes": ({ body }) => keeper.change(changeOrder(body)),
    "POST /v1/checks": (question) => gate(question, dial),
    "POST /v1/drains": ({ query }) => drained(keeper, query, "start"),
    "DELETE /v1/drains": ({ query }) => drained(keeper, query, "end"),
    "GET /v1/explain": async ({ query }) => explained(keeper, query.get("server") ?? ""),
  };
}

/** Something that takes longer hangs: the kernel's tools, or a disk. */
const STUCK_MS = 10_000;

/** Well, unless it cannot keep its table. */
export function healthz({ view }: Pick<Keeper, "view">): { readonly ok: true } {
  const { trouble, busyMs } = view;
  if (busyMs > STUCK_MS)
    throw new RequestProblem(503, "not well", `what it is doing takes ${Math.round(busyMs / 1000)} s so far`);
  if (trouble !== undefined) throw new RequestProblem(503, "not well", trouble);
  return { ok: true };
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
