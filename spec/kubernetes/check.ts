import { type HealthCheck, healthCheck } from "../health-check";
import { type Parsed, parse } from "../parse";
import { HEYE_V1 } from "../presets";
import type { Problem } from "../problem";
import { isRecord } from "../record";
import { CALLED_SOURCE, HEALTH_CHECK, HEALTH_CHECK_TYPE, V1_CHECK_TYPES } from "./keys";

/** Login of `mysql` checks by HeYe's first version, which had no way to name one; a Secret may name another. */
export const V1_MYSQL_USER = "heye";

/** The secrets of a check as a Secret holds them: texts by key. */
export type CheckSecrets = Readonly<Record<string, string>>;

/**
 * Parts a check into what anybody may read and what only a Secret may hold: the password of `mysql` under the key
 * `password`, the header fields of `http` as JSON under `headers`.
 *
 * @returns secrets: undefined where the check has none
 */
export function splitCheckSecrets(check: Readonly<Record<string, unknown>>): {
  open: Record<string, unknown>;
  secrets: CheckSecrets | undefined;
} {
  const { password, headers, ...open } = check;
  const secrets = {
    ...(typeof password === "string" && { password }),
    ...(headers !== undefined && { headers: JSON.stringify(headers) }),
  };
  return { open, secrets: Object.keys(secrets).length === 0 ? undefined : secrets };
}

/**
 * The check that annotations name, with the secrets of its Secret. `heye.io/health-check` wins over the annotations of
 * HeYe's first version, which need both `calledSource` and `healthCheckType`, and ask as that version did.
 *
 * @returns value: undefined where the annotations name no check; paths of problems begin with the annotation
 */
export function parseCheckAnnotations(
  annotations: Readonly<Record<string, string>>,
  secrets: CheckSecrets = {},
): Parsed<HealthCheck | undefined> {
  const text = annotations[HEALTH_CHECK];
  const type = annotations[HEALTH_CHECK_TYPE];
  if (text !== undefined) return parseJson(text, secrets);
  if (type === undefined && annotations[CALLED_SOURCE] === undefined)
    return { value: undefined, problems: [] };
  return parseV1(annotations, secrets);
}

function parseJson(text: string, secrets: CheckSecrets): Parsed<HealthCheck | undefined> {
  let open: unknown;
  try {
    open = JSON.parse(text);
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return refused({ path: [HEALTH_CHECK], reason: `expected a health check as JSON, found ${fault}` });
  }
  return parseWith(HEALTH_CHECK, open, secrets);
}

function parseV1(
  annotations: Readonly<Record<string, string>>,
  secrets: CheckSecrets,
): Parsed<HealthCheck | undefined> {
  const type = annotations[HEALTH_CHECK_TYPE];
  const problems: Problem[] = [];
  if (!annotations[CALLED_SOURCE])
    problems.push({
      path: [CALLED_SOURCE],
      reason: `expected any text beside ${HEALTH_CHECK_TYPE}, found nothing`,
    });
  if (!V1_CHECK_TYPES.some((known) => known === type))
    problems.push({
      path: [HEALTH_CHECK_TYPE],
      reason: `expected one of ${V1_CHECK_TYPES.join(", ")}, found ${type === undefined ? "nothing" : JSON.stringify(type)}`,
    });
  if (problems.length > 0) return { value: undefined, problems };
  const login = type === "mysql" ? { user: secrets.user ?? V1_MYSQL_USER } : {};
  return parseWith(HEALTH_CHECK_TYPE, { type, ...HEYE_V1, ...login }, secrets);
}

function parseWith(key: string, open: unknown, secrets: CheckSecrets): Parsed<HealthCheck | undefined> {
  const whole = isRecord(open) ? { ...open, ...joined(String(open.type), secrets) } : open;
  const { value, problems } = parse(healthCheck, whole);
  return { value, problems: problems.map(({ path, reason }) => ({ path: [key, ...path], reason })) };
}

/** What a Secret adds to a check of some kind; other keys of it are none of ours. */
function joined(type: string, { password, headers }: CheckSecrets): Record<string, unknown> {
  if (type === "mysql" && password !== undefined) return { password };
  if (type === "http" && headers !== undefined) return { headers: headersOf(headers) };
  return {};
}

/** What is no JSON stays a text, which the schema refuses without showing it. */
function headersOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refused(...problems: Problem[]): Parsed<undefined> {
  return { value: undefined, problems };
}
