import * as z from "zod";
import {
  type DeclaredRealServer,
  isRecord,
  memberProblems,
  normalMember,
  type Parsed,
  parse,
  parseVirtualServer,
  realServer,
  realServerSettings,
  type VirtualServer,
  type VirtualServerIdentity,
  virtualServer,
} from "../../spec";
import { BODY_MAX_DEPTH } from "./limits";
import { ApiProblem, invalid } from "./problem";

/** What the API tells of a virtual server and takes no word about. */
export const TOLD_OF_VIRTUAL_SERVERS = ["id", "key", "owner", "pool", "status"] as const;

/** The same of a real server. */
export const TOLD_OF_REAL_SERVERS = ["id", "resource", "drained", "leaving", "status"] as const;

/** Schema of a weight by itself. */
export const weightBody = z
  .strictObject({ weight: realServerSettings.weight.removeDefault() })
  .describe("share of new connections, relative to the pool; 0 takes none");

/** Reads a whole virtual server. Throws ApiProblem with everything that is wrong. */
export function virtualServerBody(body: unknown, identity: VirtualServerIdentity | undefined): VirtualServer {
  const given = without(body, TOLD_OF_VIRTUAL_SERVERS);
  const whole = isRecord(given) && identity ? { ...identity, ...given } : given;
  return good(parseVirtualServer(whole));
}

/**
 * Reads a whole real server of a virtual server. Throws ApiProblem with everything that is wrong.
 *
 * @param at its place, where the request says it already
 */
export function realServerBody(
  body: unknown,
  outer: VirtualServerIdentity,
  at?: Pick<DeclaredRealServer, "address" | "port">,
): DeclaredRealServer {
  const given = without(body, TOLD_OF_REAL_SERVERS);
  const { value, problems } = parse(realServer, isRecord(given) && at ? { ...at, ...given } : given);
  if (!isRecord(value)) throw invalid(problems);
  const normal = normalMember(value, outer.fwmark === undefined ? outer.port : 0) as DeclaredRealServer;
  const said = new Set(problems.map(({ path }) => path.join(".")));
  // What is wrong by itself needs no second word about what it is wrong with.
  const rules = memberProblems(outer, normal).filter(({ path }) => !said.has(path.join(".")));
  return good({ value: normal, problems: [...problems, ...rules] });
}

/** Reads a body of another schema. Throws ApiProblem with everything that is wrong. */
export function bodyOf<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  return good(parse(schema, body));
}

function good<T>({ value, problems }: Parsed<T>): T {
  if (problems.length > 0) throw invalid(problems);
  return value;
}

/** What may be patched. */
export type Patched = "virtual server" | "real server";

const PATCHED = {
  "virtual server": { shape: virtualServer.shape, told: TOLD_OF_VIRTUAL_SERVERS },
  "real server": { shape: realServer.shape, told: TOLD_OF_REAL_SERVERS },
} as const;

/**
 * Reads a JSON Merge Patch (RFC 7396) as far as that can be done without what it is for: null is good everywhere, and an
 * object within it is a patch again. Throws ApiProblem with everything that is wrong.
 */
export function patchBody(of: Patched, body: unknown): Readonly<Record<string, unknown>> {
  const { shape, told } = PATCHED[of];
  const patch = without(body, told);
  // It would be another resource in place of this one.
  if (!isRecord(patch))
    throw invalid([{ path: [], reason: "expected an object with the properties that change, found none" }]);
  const fields = new Map<string, z.core.$ZodType>(Object.entries(shape));
  const isLater = (key: string, value: unknown) => {
    const field = fields.get(key);
    return field !== undefined && (value === null || (isRecord(value) && takesObjects(field)));
  };
  const whole = Object.entries(patch).filter(([key, value]) => !isLater(key, value));
  const { problems } = parse(z.strictObject(shape).partial(), Object.fromEntries(whole));
  if (problems.length > 0) throw invalid(problems);
  return patch;
}

function takesObjects(schema: z.core.$ZodType): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return takesObjects(schema.def.innerType);
  return schema instanceof z.ZodObject || schema instanceof z.ZodDiscriminatedUnion;
}

/** A merge patch laid over what stands. Throws ApiProblem where it is too deep. */
export function patched(
  target: Readonly<Record<string, unknown>>,
  patch: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return merged(target, patch, 0);
}

function merged(
  target: Readonly<Record<string, unknown>>,
  patch: Readonly<Record<string, unknown>>,
  depth: number,
): Record<string, unknown> {
  if (depth > BODY_MAX_DEPTH) throw new ApiProblem(400, "too deep", TOO_DEEP);
  const result = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else if (isRecord(value)) {
      const before = result.get(key);
      result.set(key, merged(isRecord(before) ? before : {}, value, depth + 1));
    } else result.set(key, value);
  }
  return Object.fromEntries(result);
}

const TOO_DEEP = `expected at most ${BODY_MAX_DEPTH} objects within each other`;

/** What a client sends back as it was told is no property that it sets. */
function without(body: unknown, told: readonly string[]): unknown {
  if (!isRecord(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([key]) => !told.includes(key)));
}
