import {
  type ActiveHealthCheck,
  formatPath,
  HEYE_V1,
  type HealthCheck,
  healthCheck,
  type Problem,
  parse,
} from "../spec";
import { V1_CHECK_TYPES } from "../spec/kubernetes";
import { ANNOTATION } from "./names";
import { textProperties } from "./text-properties";

/** An object's annotations. */
export type Annotations = Readonly<Record<string, string>>;

/** The content of a Secret, by key. */
export type SecretData = Readonly<Record<string, string>>;

/** What the annotations of an object ask for. */
export interface Declaration {
  /** Absent: nothing can be asked, because of the problems, because a Secret is not there yet, or because of `type: none`. */
  readonly check?: ActiveHealthCheck;
  /** What is wrong, in sentences that begin with the annotation's name. */
  readonly problems: readonly string[];
}

/** Properties that are text, whatever they look like; all others are written as JSON: `2000`, `true`, `["200-299"]`. */
const TEXTS: ReadonlySet<string> = textProperties(healthCheck);

/** Properties that a Secret has to hold, since whoever may read an object reads its annotations. */
const SECRET_PROPERTIES: readonly string[] = ["password", "headers"];
/** Keys of a Secret that are header fields: `header.Authorization`. */
const HEADER = "header.";

/** Whether an object asks to be looked after. */
export function isAnnotated(annotations: Annotations): boolean {
  return annotations[ANNOTATION.v1Source] !== undefined || hasOwnCheck(annotations);
}

function hasOwnCheck(annotations: Annotations): boolean {
  return Object.keys(annotations).some(
    (name) => name === ANNOTATION.check || name.startsWith(ANNOTATION.property),
  );
}

/** The Secret that a check needs; undefined: none. */
export function secretNameOf(annotations: Annotations): string | undefined {
  return annotations[ANNOTATION.secret];
}

/**
 * The health check that annotations declare: HeYe v1's, with its defaults, and ours over it.
 *
 * @param secret what the Secret that they name holds; undefined: it is not known
 */
export function declarationOf(annotations: Annotations, secret?: SecretData): Declaration {
  const problems: string[] = [];
  if (!isAnnotated(annotations)) return { problems };
  const wanted = {
    ...v1Of(annotations, problems),
    ...jsonOf(annotations, problems),
  };
  const written = withProperties(wanted, annotations, problems);
  for (const name of SECRET_PROPERTIES) {
    if (written[name] === undefined) continue;
    problems.push(
      `${ANNOTATION.check}: ${name} may be secret: put it into a Secret, and name that in ${ANNOTATION.secret}`,
    );
  }
  if (problems.length > 0) return { problems };
  if (secretNameOf(annotations) !== undefined && secret === undefined) return { problems: [] };
  const parsed = parse(healthCheck, { ...written, ...propertiesOf(secret ?? {}) });
  if (parsed.problems.length > 0) return { problems: parsed.problems.map(sentence) };
  return isActive(parsed.value) ? { check: parsed.value, problems: [] } : { problems: [] };
}

function isActive(check: HealthCheck): check is ActiveHealthCheck {
  return check.type !== "none";
}

function sentence({ path, reason }: Problem): string {
  return path.length === 0
    ? `${ANNOTATION.check}: ${reason}`
    : `${ANNOTATION.check}: ${formatPath(path)}: ${reason}`;
}

function v1Of(annotations: Annotations, problems: string[]): Record<string, unknown> {
  if (annotations[ANNOTATION.v1Source] === undefined) return {};
  const type = annotations[ANNOTATION.v1Type];
  if (type === undefined && hasOwnCheck(annotations)) return HEYE_V1;
  if (type === undefined || !(V1_CHECK_TYPES as readonly string[]).includes(type)) {
    const found = type === undefined ? "nothing" : JSON.stringify(type.slice(0, 40));
    problems.push(`${ANNOTATION.v1Type}: expected one of ${V1_CHECK_TYPES.join(", ")}, found ${found}`);
  }
  return { type, ...HEYE_V1 };
}

/** Of what cannot be read nothing is repeated: there may be a password in it. */
function jsonOf(annotations: Annotations, problems: string[]): Record<string, unknown> {
  const text = annotations[ANNOTATION.check];
  if (text === undefined) return {};
  const value = readJson(text);
  if (isRecord(value)) return value;
  problems.push(`${ANNOTATION.check}: expected a JSON object, such as {"type":"http","path":"/health"}`);
  return {};
}

function withProperties(
  base: Record<string, unknown>,
  annotations: Annotations,
  problems: string[],
): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...base };
  for (const [name, text] of Object.entries(annotations)) {
    if (!name.startsWith(ANNOTATION.property)) continue;
    const path = name.slice(ANNOTATION.property.length);
    const value = TEXTS.has(path) ? text : readJson(text);
    if (value === undefined) problems.push(`${name}: expected JSON, such as 2000, true or ["200-299"]`);
    else put(whole, path.split("."), value);
  }
  return whole;
}

function put(into: Record<string, unknown>, [name = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    into[name] = value;
    return;
  }
  const inner = into[name];
  const next = isRecord(inner) ? { ...inner } : {};
  into[name] = next;
  put(next, rest, value);
}

/** The properties of a check that a Secret holds; other keys are not ours. */
function propertiesOf(secret: SecretData): Record<string, unknown> {
  const headers = Object.entries(secret)
    .filter(([key]) => key.startsWith(HEADER))
    .map(([key, value]) => [key.slice(HEADER.length), value]);
  return {
    ...(secret.user !== undefined && { user: secret.user }),
    ...(secret.password !== undefined && { password: secret.password }),
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
  };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
