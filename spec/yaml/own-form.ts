import * as z from "zod";
import { word } from "../fields";
import { parseVirtualServer } from "../normal";
import { parse } from "../parse";
import type { Problem } from "../problem";
import { realServer } from "../real-server";
import { isRecord } from "../record";
import { SecretReference } from "./documents";

/** `apiVersion` of our own documents. */
export const API_VERSION = "heye.io/v1";

/** What a document declares: the arguments of a resource, as a program would write them. */
export interface Declared {
  readonly kind: "VirtualServer" | "RealServer";
  readonly name: string;
  /** Of a RealServer: the name of its VirtualServer. */
  readonly virtualServer?: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** Something read, and everything wrong with it; paths are those of the document. */
export interface Reading<T> {
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

/** Of `metadata.name`, and of the `name` of HeYe's second version. */
export const resourceName = z
  .string({ error: "expected a name" })
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, { error: "expected a name of letters, digits, ., _ and -" });

const head = {
  apiVersion: z.literal(API_VERSION, { error: `expected ${API_VERSION}` }),
  metadata: z.strictObject({ name: resourceName }),
  // Judged by what it is the specification of.
  spec: z.unknown(),
};

const virtualServerDocument = z.strictObject({ kind: word(["VirtualServer"]), ...head });
const realServerDocument = z.strictObject({ kind: word(["RealServer"]), ...head });

const isReference = (value: unknown) => value instanceof SecretReference;

/** Reads a document whose `apiVersion` is ours. Its `spec` is, word for word, the arguments of the resource. */
export function readOwnForm(value: Readonly<Record<string, unknown>>): Reading<Declared> {
  if (value.kind === "VirtualServer") return readVirtualServer(value);
  if (value.kind === "RealServer") return readRealServer(value);
  const reason = `expected one of VirtualServer, RealServer, found ${JSON.stringify(value.kind) ?? "nothing"}`;
  return { value: undefined, problems: [{ path: ["kind"], reason }] };
}

function readVirtualServer(value: Readonly<Record<string, unknown>>): Reading<Declared> {
  const { problems } = parse(virtualServerDocument, value);
  const spec = specOf(value);
  const inner = spec.args ? parseVirtualServer(spec.args, isReference).problems : [];
  return reading("VirtualServer", value, spec, [...problems, ...spec.problems, ...inSpec(inner)]);
}

function readRealServer(value: Readonly<Record<string, unknown>>): Reading<Declared> {
  const { problems } = parse(realServerDocument, value);
  const spec = specOf(value);
  const { virtualServer, adopt, ...member } = spec.args ?? {};
  const inner = spec.args
    ? [...parse(realServer, member, isReference).problems, ...memberOf(virtualServer, adopt)]
    : [];
  const server = typeof virtualServer === "string" ? virtualServer : "";
  const read = reading("RealServer", value, spec, [...problems, ...spec.problems, ...inSpec(inner)]);
  const args = { ...member, ...(adopt !== undefined && { adopt }) };
  return { ...read, value: read.value && { ...read.value, virtualServer: server, args } };
}

/** What a real server by itself has besides the members of an inline pool. */
function memberOf(virtualServer: unknown, adopt: unknown): Problem[] {
  const problems: Problem[] = [];
  if (typeof virtualServer !== "string")
    problems.push({ path: ["virtualServer"], reason: "expected the name of a VirtualServer of this file" });
  if (adopt !== undefined && typeof adopt !== "boolean")
    problems.push({ path: ["adopt"], reason: "expected true or false" });
  return problems;
}

interface Spec {
  readonly args: Readonly<Record<string, unknown>> | undefined;
  readonly problems: readonly Problem[];
}

function specOf({ spec }: Readonly<Record<string, unknown>>): Spec {
  if (isRecord(spec)) return { args: spec, problems: [] };
  return {
    args: undefined,
    problems: [{ path: ["spec"], reason: "expected the arguments of the resource" }],
  };
}

function inSpec(problems: readonly Problem[]): Problem[] {
  return problems.map(({ path, reason }) => ({ path: ["spec", ...path], reason }));
}

function reading(
  kind: Declared["kind"],
  { metadata }: Readonly<Record<string, unknown>>,
  { args }: Spec,
  problems: readonly Problem[],
): Reading<Declared> {
  const name = isRecord(metadata) && typeof metadata.name === "string" ? metadata.name : "";
  return { value: problems.length === 0 && args ? { kind, name, args } : undefined, problems };
}
