import { STREAM_HEADERS } from "./event-stream";
import type { Call, ReadRoute, Route, StreamRoute } from "./route";

const status: ReadRoute = {
  kind: "read",
  method: "GET",
  path: "/v1/status",
  operation: {
    id: "readStatus",
    summary: "What this director's agent sees: virtual servers, servers, weights, health, drains, drift",
    answers: { 200: { description: "all of it", schema: "Status" } },
  },
  read: async ({ sight }) => ({ status: 200, body: await sight.status() }),
};

const events: StreamRoute = {
  kind: "stream",
  method: "GET",
  path: "/v1/events",
  operation: {
    id: "streamEvents",
    summary: "What happens, as server-sent events: declarations, edits of the table, health, repairs, drains",
    description:
      "An event's name is its type, its data JSON with `at` in milliseconds since 1970. With Last-Event-ID the stream goes on after that event; where it is forgotten, the first event is `lost`, and the client has to read everything anew.",
    answers: { 200: { description: "a stream that does not end", schema: "Events" } },
  },
  headers: STREAM_HEADERS,
  stream: ({ streams }, call, response) => streams.open(response, call.client, lastEventId(call)),
};

/** Routes of what is no resource. */
export const OTHER_ROUTES: readonly Route[] = [status, events];

/** @param document the OpenAPI document, made once */
export function documentRoute(document: () => unknown): ReadRoute {
  return {
    kind: "read",
    method: "GET",
    path: "/v1/openapi.json",
    operation: {
      id: "readDocument",
      summary: "This document",
      answers: { 200: { description: "an OpenAPI 3.1 document", schema: "Document" } },
    },
    read: () => ({ status: 200, body: document() }),
  };
}

function lastEventId({ headers }: Call): string | undefined {
  const id = headers["last-event-id"];
  return typeof id === "string" && id !== "" ? id : undefined;
}
