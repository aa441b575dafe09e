import * as z from "zod";
import { seriousAlarm } from "../alarms";
import { type Endpoint, endpointOf } from "../flow/flow";
import { statusPage } from "../page/page";
import { unreadyText } from "../readiness";
import { recentChecks } from "../recent";
import { ApiProblem, notFound } from "./problem";
import type { Call, ReadRoute } from "./route";

const ready: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/readyz",
  operation: {
    id: "readReadiness",
    summary: "Whether packets may be sent to this director",
    description:
      "503 only for what is certain and the director's own: maintenance, a kernel that does not tell its table, a table that holds nothing of what is declared. An agent that does not answer at all says nothing of its director.",
    answers: { 200: { description: "they may", schema: "Ready" } },
  },
  read: async ({ sight }) => {
    const why = unreadyText(sight.faults);
    if (why !== undefined) throw new ApiProblem(503, "not ready", why);
    return { status: 200, body: { ready: true } };
  },
};

const health: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/healthz",
  operation: {
    id: "readHealth",
    summary: "Whether the agent keeps its table, and what else somebody should look at",
    answers: { 200: { description: "it does", schema: "Health" } },
  },
  read: async ({ sight }) => {
    const { alarms } = sight;
    const worst = seriousAlarm(alarms);
    if (worst) throw new ApiProblem(503, "not well", worst.detail);
    const { reconciledAt, repairs, digests, checks, maintenance, plane } = await sight.status();
    const body = {
      ok: true,
      alarms,
      reconciledAt,
      repairs,
      checks,
      digests,
      ...(maintenance && { maintenance }),
      ...(plane && { plane }),
    };
    return { status: 200, body };
  },
};

const metrics: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/metrics",
  operation: {
    id: "readMetrics",
    summary: "Metrics in Prometheus' text format",
    query: {
      without: z.enum(["real_servers"]).describe("what is to be left out: most series are of real servers"),
    },
    answers: { 200: { description: "all of them", schema: "Metrics", type: "text/plain" } },
  },
  read: async ({ sight }, { query }) => {
    const content = await sight.metrics(query.without === undefined);
    return { status: 200, text: { type: sight.instruments.registry.contentType, content } };
  },
};

const traffic: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/v1/traffic",
  operation: {
    id: "readTraffic",
    summary: "What the kernel has counted of every service and destination, those that are nobody's included",
    answers: { 200: { description: "counters, which begin anew with an entry", schema: "Traffic" } },
  },
  read: async ({ sight }) => ({ status: 200, body: await sight.traffic() }),
};

const flow: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/v1/flow",
  operation: {
    id: "explainFlow",
    summary: "Which real server a client's connection gets on this director, worked out and not tried",
    query: {
      client: z.string().describe("the client, ADDRESS:PORT; required"),
      to: z.string().describe("where it connects to, ADDRESS:PORT; required"),
      protocol: z.enum(["tcp", "udp", "sctp"]).describe("default: all that have the address and port"),
    },
    answers: {
      200: { description: "one for each virtual server there", schema: "Flows" },
      404: { description: "no virtual server has this address and port", schema: "Problem" },
    },
  },
  read: async ({ sight }, { query }) => {
    const [client, place] = [endpointIn(query, "client"), endpointIn(query, "to")];
    if (client.address.includes(":") !== place.address.includes(":"))
      throw new ApiProblem(400, "bad query", "client and to: expected addresses of one family");
    const flows = await sight.flows({ client, place, protocol: query.protocol });
    if (flows.length > 0) return { status: 200, body: flows };
    throw notFound(
      `no virtual server of the kernel's table has ${query.to}; those of firewall marks and of all ports are not looked for`,
    );
  },
};

function endpointIn(query: Call["query"], name: string): Endpoint {
  const text = query[name] ?? "";
  const found = endpointOf(text);
  if (found) return found;
  const words = `${name}: expected ADDRESS:PORT, found ${JSON.stringify(text.slice(0, 200))}`;
  throw new ApiProblem(400, "bad query", words);
}

const recent: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/v1/recent-checks",
  operation: {
    id: "readRecentChecks",
    summary:
      "The last 20 health checks of each server, a sign for each: + passed, - failed, ? could not be made",
    answers: { 200: { description: "by virtual server, then by real server", schema: "RecentChecks" } },
  },
  read: ({ keeper }) => ({ status: 200, body: recentChecks(keeper) }),
};

const page: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/",
  operation: {
    id: "readPage",
    summary: "The status page, for browsers",
    answers: { 200: { description: "one file that needs no other", schema: "Page", type: "text/html" } },
  },
  read: () => {
    const { html, headers } = statusPage();
    return { status: 200, headers, text: { type: "text/html; charset=utf-8", content: html } };
  },
};

/** Routes of what is looked at and never declared. */
export const SIGHT_ROUTES: readonly ReadRoute[] = [page, ready, health, metrics, traffic, recent, flow];
