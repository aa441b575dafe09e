import * as z from "zod";
import { realServer, virtualServer } from "../../spec";
import { TOLD_OF_REAL_SERVERS, TOLD_OF_VIRTUAL_SERVERS, weightBody } from "./bodies";
import { transactionBody } from "./transaction-routes";

/** A JSON Schema, as OpenAPI 3.1 has it. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** A schema of zod as the document has it: what may be sent. */
export function schemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      // Taken, and never told.
      if (jsonSchema.secret === true) jsonSchema.writeOnly = true;
      delete jsonSchema.secret;
      // The pattern next to it says it to all that know no such format.
      if (jsonSchema.format === "starts_with") delete jsonSchema.format;
    },
  });
  return made as JsonSchema;
}

const text = { type: "string" };
const flag = { type: "boolean" };
const count = { type: "integer", minimum: 0 };
const list = (items: JsonSchema) => ({ type: "array", items });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** An object with exactly these properties. */
function object(properties: JsonSchema, required: readonly string[] = [], description?: string): JsonSchema {
  const words = description === undefined ? {} : { description };
  return { type: "object", ...words, properties, required, additionalProperties: false };
}

const serverStatus = object(
  {
    server: { ...text, description: "address and port" },
    configuredWeight: count,
    effectiveWeight: { ...count, description: "what it is to have now" },
    kernelWeight: {
      type: ["integer", "null"],
      description: "what the kernel held; null: it is not in the table",
    },
    reasons: list({ enum: ["held", "draining", "drained", "drained by the API", "down", "sorry server"] }),
    health: {
      type: "object",
      properties: { healthy: flag, since: { type: "number" }, answer: text },
      required: ["healthy", "since", "answer"],
      description: "absent: nothing is asked of it",
    },
  },
  ["server", "configuredWeight", "effectiveWeight", "kernelWeight", "reasons"],
  "a real server as this director's agent sees it",
);
const sorryStatus = object({ server: text, serves: flag }, ["server", "serves"]);
const serviceParts = { up: flag, servers: list(ref("ServerStatus")), sorryServer: sorryStatus };

/** What is told of a resource and taken no word about, by name. */
const TOLD_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  id: { ...text, description: "its place in the API" },
  key: { ...text, description: "its identity as directors and errors write it" },
  owner: object({ label: text, resource: text }, ["label", "resource"], "who declared it"),
  pool: { enum: ["inline", "separate"], description: "whether its servers stand in `realServers`" },
  resource: { ...text, description: "the RealServer resource of a Pulumi stack that it is" },
  drained: { ...flag, description: "it takes no new connections until that is taken back" },
  leaving: { ...flag, description: "it is removed once its connections have ended" },
};

function resource(schema: z.ZodType, told: readonly string[], status: JsonSchema): JsonSchema {
  const made = schemaOf(schema);
  const extra = told.map((name) => [name, { ...(TOLD_SCHEMAS[name] ?? status), readOnly: true }]);
  return { ...made, properties: { ...(made.properties as JsonSchema), ...Object.fromEntries(extra) } };
}

/** What stands at a place of the API: its body need not say once more what the path says. */
function placed({ required, ...made }: JsonSchema, place: readonly string[]): JsonSchema {
  return { ...made, required: (required as string[]).filter((name) => !place.includes(name)) };
}

/** As a merge patch: each property may be there, and null takes it away. What is inside an object is a patch again. */
function patchOf(schema: z.ZodType, name: string): JsonSchema {
  const { properties } = schemaOf(schema);
  const fields = Object.entries(properties as JsonSchema).map(([key, one]) => {
    const { default: _, ...field } = one as JsonSchema;
    const isWhole = field.type !== "object" && field.oneOf === undefined;
    const kept = { description: field.description };
    return [key, isWhole ? { anyOf: [field, { type: "null" }] } : { ...kept, type: ["object", "null"] }];
  });
  return { ...object(Object.fromEntries(fields)), description: `the properties of a ${name} that change` };
}

const drain = object(
  {
    drained: TOLD_SCHEMAS.drained,
    leaving: TOLD_SCHEMAS.leaving,
    byOperator: { ...flag, description: "somebody asked for it on this director alone (`heye drain`)" },
    drainMs: { ...count, description: "how long its connections may go on, in milliseconds" },
    elapsedMs: { ...count, description: "how long it has been leaving, in milliseconds" },
  },
  ["drained", "leaving", "byOperator"],
);

const problem = object(
  {
    type: { ...text, description: "urn:heye:error:CODE, or about:blank" },
    title: text,
    status: { type: "integer", minimum: 400, maximum: 599 },
    detail: { ...text, description: "what was expected, what was found, what to do" },
    code: { ...text, pattern: "^HEYE_[A-Z_]+$", description: "has a row in docs/errors.md" },
    errors: list(object({ path: text, message: text }, ["path", "message"])),
    gate: list(
      object(
        {
          ...{ director: text, server: text, check: text, answer: text, checks: count },
          by: {
            ...text,
            description:
              "its own address has passed; it was asked at the virtual address, by this forwarding method",
          },
        },
        ["director", "server", "check", "answer", "checks"],
        "a server that did not become healthy",
      ),
    ),
    differs: list(object({ path: text, expected: {}, found: {} }, ["path"])),
  },
  ["type", "title", "status", "detail"],
  "what is wrong with a request (RFC 9457)",
);

const planned = object(
  {
    dryRun: { const: true },
    revision: text,
    edits: {
      ...list(text),
      description: "edits of the kernel's table, as far as they follow from what is declared",
    },
    gate: {
      ...list(
        object({ virtualServer: text, server: text, check: text }, ["virtualServer", "server", "check"]),
      ),
      description: "servers that would be asked before",
    },
    statuses: { ...list({ type: "integer" }), description: "of the answers, if all goes well" },
  },
  ["dryRun", "revision", "edits", "gate", "statuses"],
  "what a change would do; nothing was changed",
);

const transactionAnswer = object(
  {
    revision: { ...text, description: "of what is declared now" },
    edits: list(object({ status: { type: "integer" }, location: text }, ["status"])),
    messages: { ...text, description: "what the kernel complained of; absent: nothing" },
  },
  ["revision", "edits"],
);

const alarm = object(
  {
    alarm: { ...text, description: "one of few, for programs" },
    detail: { ...text, description: "for people" },
  },
  ["alarm", "detail"],
);
const digests = {
  type: "object",
  properties: { registry: text, table: text, choice: text },
  description: "the same on directors that hold the same, and choose alike",
};
const maintenance = object({ since: { type: "number" }, reason: text }, ["since", "reason"]);
const ofHealth = {
  ...{ reconciledAt: { type: "number" }, repairs: count, checks: { type: "object" } },
  ...{ digests, maintenance, plane: { type: "object" } },
};
const counters = { connections: count, packetsIn: count, packetsOut: count, bytesIn: count, bytesOut: count };
const ofDestination = {
  ...{ destination: text, weight: count, active: count, inactive: count, persistent: count },
  ...counters,
};
const flow = object(
  {
    service: text,
    scheduler: text,
    server: { type: ["string", "null"], description: "null: refused; absent: it depends on the moment" },
    bucket: count,
    buckets: count,
    instead: { ...text, description: "the bucket is this server's, which takes no connections" },
    hashesPort: { type: "boolean" },
    persistent: { type: "boolean" },
    candidates: list(object({ destination: text, weight: count }, ["destination", "weight"])),
  },
  ["service", "scheduler", "persistent", "candidates"],
);

const status = {
  type: "object",
  properties: {
    director: text,
    version: text,
    startedAt: { type: "number", description: "milliseconds since 1970, as all times" },
    way: {
      ...object({ by: { enum: ["netlink", "ipvsadm"] }, because: text }, ["by"]),
      description: "how the kernel is read and edited, and why it is not netlink",
    },
    reconciledAt: { type: "number", description: "when the table was last as it is to be; 0: not yet" },
    repairs: { ...count, description: "edits that took back what somebody else had changed" },
    trouble: { ...text, description: "why the table cannot be kept; absent while it can" },
    checks: { type: "object" },
    drains: list({ type: "object" }),
    drift: list(text),
    plane: {
      type: "object",
      description: "how it stands to what it shares with others; absent: it shares with nobody",
    },
    ready: { type: "boolean", description: "whether packets may be sent here: what /readyz says" },
    maintenance,
    alarms: list(alarm),
    digests,
    services: list(
      object({ service: text, owner: text, scheduler: text, quorum: count, digest: text, ...serviceParts }, [
        "service",
        "up",
        "owner",
        "scheduler",
        "quorum",
        "servers",
      ]),
    ),
  },
  required: ["director", "version", "startedAt", "reconciledAt", "repairs", "checks", "drains", "services"],
  description: "what this director's agent sees",
};

/** All schemas that routes name. */
export function componentSchemas(): Readonly<Record<string, JsonSchema>> {
  const server = resource(realServer, TOLD_OF_REAL_SERVERS, ref("ServerStatus"));
  return {
    VirtualServer: resource(virtualServer, TOLD_OF_VIRTUAL_SERVERS, object(serviceParts, ["up", "servers"])),
    VirtualServerPatch: patchOf(virtualServer, "virtual server"),
    VirtualServers: object(
      { items: list(ref("VirtualServer")), next: { ...text, description: "ask for what is `after` it" } },
      ["items"],
    ),
    RealServer: server,
    PlacedRealServer: placed(server, ["address", "port"]),
    RealServerPatch: patchOf(realServer, "real server"),
    RealServers: object({ items: list(ref("RealServer")) }, ["items"]),
    Weight: schemaOf(weightBody),
    Drain: drain,
    Transaction: schemaOf(transactionBody),
    TransactionAnswer: transactionAnswer,
    Plan: planned,
    ServerStatus: serverStatus,
    Status: status,
    Ready: object({ ready: { const: true } }, ["ready"]),
    Health: object({ ok: { const: true }, alarms: list(alarm), ...ofHealth }, ["ok", "alarms"]),
    Metrics: text,
    Page: text,
    RecentChecks: { type: "object", additionalProperties: { type: "object", additionalProperties: text } },
    Traffic: list(
      object({ service: text, ...counters, destinations: list(object(ofDestination, ["destination"])) }, [
        "service",
        "destinations",
      ]),
    ),
    Flows: list(flow),
    Problem: problem,
    Document: { type: "object", properties: { openapi: text }, required: ["openapi"] },
    Events: text,
  };
}
