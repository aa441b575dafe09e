import { type CheckAnswer, type Digests, findRegistration } from "../director/data";
import { type Dial, waitUntilHealthy } from "../health";
import { realServerKey } from "../spec";
import { drainPath } from "./api/ids";
import type { DrainAnswer } from "./drain-answer";
import { explain } from "./explanation";
import type { Keeper } from "./keeper";
import type { Log } from "./log";
import type { Maintenance } from "./maintenance";
import { changeOrder, checkOrder } from "./orders";
import type { Participant } from "./plane/participant";
import { planeRoutes } from "./plane/routes";
import { unreadyText } from "./readiness";
import { type Question, RequestProblem, type Routes } from "./server";
import type { Sight } from "./sight";

/**
 * What the provider and operators ask, on the unix socket alone; the rest is the API's (agent/api/).
 *
 * @param plane undefined: the director shares with nobody
 */
export function routesOf(keeper: Keeper, dial: Dial, plane?: Participant): Routes {
  const declaring = plane?.declaring ?? keeper;
  return {
    ...planeRoutes(plane),
    "GET /v1/state": ({ query }) => declaring.state(digestsOf(query)),
    "POST /v1/changes": ({ body }) => declaring.change(changeOrder(body)),
    "POST /v1/checks": (question) => gate(question, dial),
    "POST /v1/drains": ({ query }) => drained(keeper, query, "start"),
    "DELETE /v1/drains": ({ query }) => drained(keeper, query, "end"),
    "GET /v1/explain": async ({ query }) => explained(keeper, query.get("server") ?? ""),
  };
}

/** Whether this director is to be left out. */
export function maintenanceRoutes(maintenance: Maintenance, log: Log): Routes {
  return {
    "PUT /v1/maintenance": async ({ body }) => {
      const state = await maintenance.begin(reasonOf(body));
      log.warn({ event: "maintenance", on: true, reason: state.reason }, "maintenance begins");
      return state;
    },
    "DELETE /v1/maintenance": async () => {
      await maintenance.end();
      log.warn({ event: "maintenance", on: false }, "maintenance ends");
      return {};
    },
  };
}

/** What can be asked while the agent is starting. */
export function earlyRoutes(sight: Pick<Sight, "faults">): Routes {
  return {
    "GET /readyz": async () => {
      const why = unreadyText(sight.faults);
      if (why !== undefined) throw new RequestProblem(503, "not ready", why);
      return { ready: true };
    },
  };
}

function reasonOf(body: unknown): string {
  const reason = typeof body === "object" && body !== null && "reason" in body ? body.reason : "";
  if (typeof reason === "string") return reason;
  throw new RequestProblem(400, "bad request", "reason: expected a text");
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
  const service = query.get("service") ?? undefined;
  const services = await keeper.drain(server, service, wanted);
  if (services.length === 0) throw noServer(keeper, server, service);
  return drainAnswer(keeper, server, services);
}

/** What takes no connections all the same is told with its reasons: the API's drain is another one. */
function drainAnswer(keeper: Keeper, server: string, services: readonly string[]): DrainAnswer {
  const out = explain(keeper, server)
    .filter(({ service, reasons }) => services.includes(service) && reasons.length > 0)
    .map(({ service, reasons }) => {
      const found = findRegistration(keeper.view.pools.registry, service)?.registration;
      const member = found?.members.find((one) => realServerKey(one) === server);
      const isApi = found && member && reasons.includes("drained by the API");
      return { service, reasons, ...(isApi && { drain: drainPath(found, member) }) };
    });
  return { services, out };
}

function explained(keeper: Keeper, server: string) {
  const found = explain(keeper, server);
  if (found.length === 0) throw noServer(keeper, server);
  return found;
}

function noServer(keeper: Keeper, server: string, service?: string): RequestProblem {
  const problem = (words: string) => new RequestProblem(404, "not found", words);
  if (service === undefined) return problem(`no virtual server has a real server ${JSON.stringify(server)}`);
  return findRegistration(keeper.view.pools.registry, service)
    ? problem(`virtual server ${service} has no real server ${JSON.stringify(server)}`)
    : problem(`no virtual server ${JSON.stringify(service)} is declared here; a status lists those that are`);
}
