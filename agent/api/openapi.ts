import { TAGS_MAX_LENGTH } from "./limits";
import type { Described, Route } from "./route";
import { queryOf } from "./router";
import { componentSchemas, type JsonSchema, schemaOf } from "./schemas";

const PROBLEM: Described = { description: "why not", schema: "Problem" };

/** Answers that every route of a kind may give besides its own. */
const COMMON: Readonly<Record<number, string>> = {
  400: "the query or the path is none that the route takes",
  403: "the certificate names nobody who may do this",
  429: "too many requests of this client",
  503: "too many requests at a time, or the agent is starting",
};
const OF_WRITES: Readonly<Record<number, string>> = {
  409: "it belongs to somebody else, or is there already; the detail names the owner",
  412: "it is not as If-Match expects; `differs` says in what",
  413: "the body is too large",
  415: "the body is not JSON",
  422: "the specification is not valid (`errors`), or servers did not become healthy (`gate`). Nothing was changed",
  507: "the director's disk does not take the change. Nothing was changed",
};

const PATH_PARAMETERS: Readonly<Record<string, JsonSchema>> = {
  id: {
    description: "a virtual server: protocol, address and port, or firewall mark and family",
    schema: { type: "string", pattern: "^((tcp|udp|sctp)-.+-[0-9]{1,5}|fwmark-[0-9]{1,10}-ipv[46])$" },
    example: "tcp-192.0.2.1-80",
  },
  server: {
    description: "a real server: address and port",
    schema: { type: "string", pattern: "^.+-[0-9]{1,5}$" },
    example: "10.0.0.1-80",
  },
};

/** The OpenAPI 3.1 document of these routes. */
export function openApiDocument(routes: readonly Route[], version: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? { parameters: pathParameters(route.path) };
    paths[route.path] = { ...item, [route.method.toLowerCase()]: operationOf(route, routes) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "HeYe agent",
      version,
      description: "Virtual servers and real servers of a director's IPVS table, declared, checked and kept.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    // On the unix socket nobody has to say who he is: root alone may open it.
    security: [{}, { certificate: [] }],
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        certificate: {
          type: "mutualTLS",
          description: "TLS 1.3 with a client certificate whose common name or alternative name has a role",
        },
      },
    },
  };
}

function pathParameters(path: string): JsonSchema[] {
  return [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    ...PATH_PARAMETERS[name],
  }));
}

function operationOf(route: Route, routes: readonly Route[]): JsonSchema {
  const { id, summary, description, body } = route.operation;
  const parameters = [...queryParameters(route), ...headerParameters(route)];
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: contentOf(route, body) } }),
    responses: responsesOf(route, linksOf(route, routes)),
  };
}

/** Bodies that stand for themselves, by the name of their schema. */
const EXAMPLES: Readonly<Record<string, JsonSchema>> = {
  VirtualServer: {
    ...{ address: "192.0.2.1", port: 80, scheduler: "wrr", healthCheck: { type: "tcp" } },
    realServers: [{ address: "10.0.0.1", weight: 2 }],
  },
  VirtualServerPatch: { scheduler: "wlc" },
  RealServer: { address: "10.0.0.1", port: 80, weight: 2 },
  PlacedRealServer: { weight: 2 },
  RealServerPatch: { weight: 3 },
  Weight: { weight: 5 },
};

function contentOf({ method }: Route, body: string): JsonSchema {
  const example = EXAMPLES[body];
  const media = { schema: { $ref: `#/components/schemas/${body}` }, ...(example && { example }) };
  return method === "PATCH"
    ? { "application/merge-patch+json": media, "application/json": media }
    : { "application/json": media };
}

function queryParameters(route: Route): JsonSchema[] {
  return Object.entries(queryOf(route)).map(([name, schema]) => {
    const { description, ...made } = schemaOf(schema);
    return { name, in: "query", description, schema: made };
  });
}

const TAG = { type: "string", maxLength: TAGS_MAX_LENGTH };

function headerParameters({ kind, method }: Route): JsonSchema[] {
  const header = (name: string, description: string) => ({ name, in: "header", description, schema: TAG });
  if (kind === "stream") return [header("Last-Event-ID", "go on after this event")];
  const ifMatch = header("If-Match", "make the change only where the entity tag is one of these");
  const ifNoneMatch = header(
    "If-None-Match",
    "`*`: only where nothing stands yet; with GET: only where the entity tag is none of these",
  );
  if (kind === "transaction")
    return [header("If-Match", "make the edits only where what is declared has this revision")];
  if (kind === "read") return [ifNoneMatch];
  return method === "PUT" || method === "POST" ? [ifMatch, ifNoneMatch] : [ifMatch];
}

/** What can be asked of a resource that was made: its own path, and those below that need no other name. */
function linksOf({ method, path }: Route, routes: readonly Route[]): JsonSchema | undefined {
  const names = (text: string) => [...text.matchAll(/\{([a-z]+)\}/g)].map(([, name = ""]) => name);
  const known = names(path);
  const below = routes.filter(
    (one) => one.path.startsWith(`${path}/{`) && names(one.path).length === known.length + 1,
  );
  if (method !== "POST" || below.length === 0) return undefined;
  const links = below.map(({ path: target, operation: { id } }) => {
    const parameters = names(target).map((name) => [
      name,
      known.includes(name) ? `$request.path.${name}` : "$response.body#/id",
    ]);
    return [id, { operationId: id, parameters: Object.fromEntries(parameters) }];
  });
  return Object.fromEntries(links);
}

function responsesOf({ kind, operation }: Route, links: JsonSchema | undefined): JsonSchema {
  const writes = kind === "write" || kind === "transaction";
  const problems = Object.entries({ ...COMMON, ...(writes && OF_WRITES) }).map(([status, description]) => [
    status,
    responseOf({ description, schema: "Problem" }),
  ]);
  const own = Object.entries(operation.answers).map(([status, described]) => [
    status,
    {
      ...responseOf(described, kind === "stream" ? "text/event-stream" : undefined),
      ...(status === "201" && links && { links }),
    },
  ]);
  const responses: Record<string, unknown> = {
    ...Object.fromEntries(problems),
    ...Object.fromEntries(own),
  };
  if (writes) responses[200] = withPlan(operation.answers[200]);
  return { ...responses, default: responseOf(PROBLEM) };
}

/** With `dry-run` the answer is the plan. */
function withPlan(own: Described | undefined): JsonSchema {
  const schemas = [...(own?.schema === undefined ? [] : [own.schema]), "Plan"];
  const schema = { anyOf: schemas.map((name) => ({ $ref: `#/components/schemas/${name}` })) };
  const description = own ? `${own.description}; with dry-run: the plan` : "with dry-run: the plan";
  return { description, content: { "application/json": { schema } } };
}

function responseOf({ description, schema, type: own }: Described, type = own): JsonSchema {
  if (schema === undefined) return { description };
  const media = type ?? (schema === "Problem" ? "application/problem+json" : "application/json");
  return { description, content: { [media]: { schema: { $ref: `#/components/schemas/${schema}` } } } };
}
