import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020";
import addFormats from "ajv-formats";
import * as fc from "fast-check";
import { GATE } from "../fuzz/served";
import { AgentSite } from "./agent-site";
import { type ApiAnswer, apiClient } from "./api-client";
import { ModelledServers } from "./modelled-servers";
import { arbitraryOf, type Schema } from "./schema-arbitrary";

/** How many requests the generator makes; more with HEYE_API_REQUESTS. */
const REQUESTS = Number(process.env.HEYE_API_REQUESTS ?? 600);
/** In flight at the same time, so that requests also meet each other. */
const AT_ONCE = 8;

/** The API's document, as far as this test goes through it. */
interface Document extends Schema {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string | undefined;
}

describe("the document of the API", () => {
  let site: AgentSite;
  let api: ReturnType<typeof apiClient>;
  let document: Document;

  before(async () => {
    site = await AgentSite.up(undefined, { dial: new ModelledServers().dial, gate: GATE });
    api = apiClient(site.socket);
    document = (await api.get("/v1/openapi.json")).body;
  });
  after(() => site.down());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([method]) => method !== "parameters")
        .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
    );
  const resolve = (ref: string) => {
    const found = document.components.schemas[ref.replace("#/components/schemas/", "")];
    assert.ok(found, ref);
    return found;
  };

  it("is one of OpenAPI 3.1", async () => {
    const result = await new Validator().validate(structuredClone(document));
    assert.deepEqual([result.valid, result.errors], [true, undefined]);
    const ids = operations().map(({ operation }) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length);
  });

  it("describes every route, and no other", async () => {
    const described = operations().map(({ method, path }) => `${method} ${path}`);
    const routes = site.api.router.routes.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(described.sort(), [...routes].sort());
    for (const { method, path } of operations()) {
      if (path === "/v1/events") continue;
      const target = path.replace("{id}", "tcp-192.0.2.1-80").replace("{server}", "10.0.0.1-80");
      const { status, body } = await api.ask(method, target);
      assert.notEqual(status, 405, target);
      if (status === 404) assert.doesNotMatch(body.detail, /there is no \/v1/, target);
    }
  });

  it("asks for no more of a body than is asked for: what the path says need not be said again", async () => {
    const virtualServer = { address: "192.0.2.77", port: 80 };
    const path = "/v1/virtual-servers/tcp-192.0.2.77-80";
    assert.equal((await api.post("/v1/virtual-servers", { body: virtualServer })).status, 201);
    assert.equal((await api.ask("PUT", path, { body: {} })).status, 200);
    assert.equal((await api.ask("PUT", `${path}/real-servers/10.0.0.1-80`, { body: {} })).status, 201);
    assert.equal((await api.ask("POST", `${path}/real-servers`, { body: {} })).status, 422);
    const required = (name: string) => resolve(`#/components/schemas/${name}`).required ?? [];
    const names = ["VirtualServer", "PlacedRealServer", "RealServer"];
    assert.deepEqual(names.map(required), [[], [], ["address"]]);
    assert.equal((await api.ask("DELETE", `${path}?drain-ms=0`)).status, 204);
  });

  it("lets no secret be told", () => {
    const text = JSON.stringify(document.components.schemas.VirtualServer);
    assert.match(text, /"writeOnly":true/);
    assert.doesNotMatch(text, /"secret":/);
  });

  it(`is kept by the answers to ${REQUESTS} requests of its making, and of others`, async function () {
    this.timeout(60_000 + REQUESTS * 60);
    const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
    ajv.addSchema({ ...document, $id: "api" });
    const counts = new Map<string, number>();
    const judge = ({ method, path, operation }: Asked, { status, headers, body }: ApiAnswer) => {
      const what = `${method} ${path}: ${status} ${JSON.stringify(body)}`;
      assert.ok(status < 500, what);
      counts.set(
        `${operation.operationId} ${status}`,
        (counts.get(`${operation.operationId} ${status}`) ?? 0) + 1,
      );
      const response = operation.responses[status] ?? operation.responses.default;
      assert.ok(response, `${what}: no such status`);
      const type = headers["content-type"]?.split(";")[0];
      if (!response.content) return assert.equal(body, undefined, what);
      const media = response.content[type ?? ""];
      assert.ok(media, `${what}: ${type}`);
      const validate = ajv.compile(anchored(media.schema));
      assert.ok(validate(body), `${what}\n${ajv.errorsText(validate.errors)}`);
    };
    const streams = (asked: Asked) =>
      asked.operation.operationId === "streamEvents" && asked.method === "GET";
    const one = requests(operations(), document.paths, resolve).filter((asked) => !streams(asked));
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (batch) => {
        const answers = batch.map(async (asked) =>
          judge(
            asked,
            await api.ask(asked.method, asked.path, {
              headers: asked.headers,
              ...(asked.text !== undefined && { text: asked.text }),
            }),
          ),
        );
        await Promise.all(answers);
      }),
      { numRuns: Math.ceil(REQUESTS / AT_ONCE), endOnFailure: true },
    );
    const good = [...counts].filter(([what]) => / 2/.test(what)).reduce((sum, [, count]) => sum + count, 0);
    assert.ok(good > REQUESTS / 20, JSON.stringify(Object.fromEntries([...counts].sort())));
    // Requests that meet nothing test nothing.
    const met = operations().filter(
      ({ operation: { operationId: id } }) =>
        id !== "streamEvents" && ![...counts].some(([what]) => what.startsWith(`${id} 2`)),
    );
    if (REQUESTS >= 5_000) assert.deepEqual(met, []);
    if (process.env.HEYE_API_REQUESTS) console.log(Object.fromEntries([...counts].sort()));
  });
});

/** References of the document, from outside of it. */
function anchored(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components')) as Schema;
}

/** Requests as the document has them, and some that it does not allow. */
function requests(
  operations: readonly { path: string; method: string; operation: Operation }[],
  paths: Document["paths"],
  resolve: (ref: string) => Schema,
): fc.Arbitrary<Asked> {
  const of = ({ path, method, operation }: (typeof operations)[number]) => {
    const shared = (paths[path]?.parameters ?? []) as unknown as NonNullable<Operation["parameters"]>;
    const parameters = [...shared, ...(operation.parameters ?? [])];
    const valued = (place: string) =>
      parameters
        .filter((one) => one.in === place)
        .map(({ name, schema }) => [name, PLACES[name] ?? arbitraryOf(schema, resolve).map(String)] as const);
    const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const usual = USUAL[String(schema?.$ref).replace("#/components/schemas/", "")];
    const body = schema
      ? fc.oneof(
          { weight: usual ? 6 : 0, arbitrary: usual ?? fc.constant({}) },
          { weight: 4, arbitrary: arbitraryOf(schema, resolve) },
          { weight: 1, arbitrary: fc.jsonValue() },
        )
      : fc.constant(undefined);
    return fc
      .record({
        names: fc.record(Object.fromEntries(valued("path"))),
        query: fc.oneof(
          fc.constant({}),
          fc.record(Object.fromEntries(valued("query")), { requiredKeys: [] }),
        ),
        fields: fc.oneof(
          { weight: 3, arbitrary: fc.constant({}) },
          { weight: 1, arbitrary: fc.record(Object.fromEntries(valued("header")), { requiredKeys: [] }) },
        ),
        body,
      })
      .map(({ names, query, fields, body: sent }): Asked => {
        const named = Object.entries(names).reduce<string>(
          (text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(String(value))),
          path,
        );
        const asked = new URLSearchParams(query as Record<string, string>).toString();
        const headers = Object.fromEntries(
          Object.entries(fields).map(([name, value]) => [name, printable(String(value))]),
        );
        return {
          ...{ method, operation, path: asked === "" ? named : `${named}?${asked}` },
          headers: { ...headers, ...(schema && { "content-type": type }) },
          text: sent === undefined ? undefined : JSON.stringify(sent),
        };
      });
  };
  return fc.oneof(
    ...operations.map((one) => ({ weight: one.method === "DELETE" ? 1 : 3, arbitrary: of(one) })),
  );
}

/** Places that requests meet each other at, more often than not. */
const PLACES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  client: fc.constantFrom("198.51.100.1:40000", "[2001:db8::9]:1", "198.51.100.1"),
  to: fc.constantFrom("192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.2:443"),
  id: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        "tcp-192.0.2.1-80",
        "tcp-[2001:db8::1]-80",
        "udp-192.0.2.2-443",
        "fwmark-80-ipv6",
      ),
    },
    { weight: 1, arbitrary: fc.string({ minLength: 1 }) },
  ),
  server: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom("10.0.0.1-80", "10.0.0.2-80", "[2001:db8::1]-80", "10.0.0.1-443"),
    },
    { weight: 1, arbitrary: fc.string({ minLength: 1 }) },
  ),
  "dry-run": fc.constantFrom("false", "false", "true"),
  "drain-ms": fc.constantFrom("0", "3600000", "-1"),
  limit: fc.constantFrom("1", "1000", "0"),
  "If-Match": fc.constantFrom("*", '"0123456789abcdef0123456789abcdef"', 'W/"1"'),
  "If-None-Match": fc.constantFrom("*", '"0123456789abcdef0123456789abcdef"'),
};

/** Bodies that nothing is wrong with: of what a schema allows, little keeps the rules between fields. */
const SERVER = fc.record(
  {
    address: fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3"),
    weight: fc.constantFrom(0, 1, 5),
    drainMs: fc.constantFrom(0, 60_000),
  },
  { requiredKeys: ["address"] },
);
const SETTINGS = {
  scheduler: fc.constantFrom("rr", "wlc", "mh", "sh"),
  healthCheck: fc.constantFrom({ type: "none" }, { type: "tcp", port: 80 }),
  realServers: fc.uniqueArray(SERVER, { selector: ({ address }) => address, maxLength: 3 }),
  quorum: fc.constant({ weight: 2 }),
};
const REAL_SERVER_PATCH = fc.record(
  { weight: fc.constantFrom(0, 3), drainMs: fc.constant(0) },
  { requiredKeys: [] },
);
const WEIGHT = fc.record({ weight: fc.constantFrom(0, 1, 9) });
const VIRTUAL_SERVER = fc.record(
  { address: fc.constantFrom("192.0.2.1", "2001:db8::1"), port: fc.constant(80), ...SETTINGS },
  { requiredKeys: ["address", "port"] },
);
const ONE = "/v1/virtual-servers/tcp-192.0.2.1-80";
const EDIT = fc.oneof(
  WEIGHT.map((body) => ({ method: "PUT", path: `${ONE}/real-servers/10.0.0.1-80/weight`, body })),
  fc.record(SETTINGS, { requiredKeys: [] }).map((body) => ({ method: "PUT", path: ONE, body })),
  REAL_SERVER_PATCH.map((body) => ({ method: "PUT", path: `${ONE}/real-servers/10.0.0.3-80`, body })),
  fc.constantFrom({ method: "DELETE", path: `${ONE}/real-servers/10.0.0.3-80?drain-ms=0` }),
  fc.constantFrom({ method: "DELETE", path: ONE }),
);
const USUAL: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  VirtualServer: fc.oneof(VIRTUAL_SERVER, fc.record(SETTINGS, { requiredKeys: [] })),
  VirtualServerPatch: fc.record(SETTINGS, { requiredKeys: [] }),
  RealServer: SERVER,
  PlacedRealServer: fc.oneof(SERVER, REAL_SERVER_PATCH),
  RealServerPatch: REAL_SERVER_PATCH,
  Weight: WEIGHT,
  Transaction: fc.record({ edits: fc.array(EDIT, { minLength: 1, maxLength: 4 }) }),
};

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").trim();
}
