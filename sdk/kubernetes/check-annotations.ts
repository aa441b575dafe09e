import * as pulumi from "@pulumi/pulumi";
import {
  CALLED_SOURCE,
  HEALTH_CHECK,
  HEALTH_CHECK_SECRET,
  HEALTH_CHECK_TYPE,
} from "../../spec/kubernetes/keys";
import type { HealthCheckArgs } from "../health-check";

/** How the servers of an object are checked. */
export interface CheckChoice {
  readonly healthCheck?: HealthCheckArgs | undefined;
  readonly healthCheckType?: pulumi.Input<"http" | "tcp" | "mysql"> | undefined;
  readonly calledSource?: pulumi.Input<string> | undefined;
}

/** Annotations that tell the controller of a check, and of the Secret with what an annotation must not hold. */
export function checkAnnotations(
  { healthCheck, healthCheckType, calledSource }: CheckChoice,
  secretName: pulumi.Input<string> | undefined,
): Record<string, pulumi.Input<string>> {
  const secret: Record<string, pulumi.Input<string>> = secretName === undefined
    ? {}
    : { [HEALTH_CHECK_SECRET]: secretName };
  if (healthCheckType !== undefined)
    return { [CALLED_SOURCE]: calledSource ?? "pulumi", [HEALTH_CHECK_TYPE]: healthCheckType, ...secret };
  return { [HEALTH_CHECK]: asText(openPart(healthCheck ?? { type: "tcp" })), ...secret };
}

/** A text at once where nothing has to be waited for, so that a preview shows it. */
function asText(open: object): pulumi.Input<string> {
  const hasOutputs = Object.values(open).some(isLate);
  return hasOutputs ? pulumi.output(open).apply((one) => JSON.stringify(one)) : JSON.stringify(open);
}

function isLate(value: unknown): boolean {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(isLate);
}

/** A check without its secrets. */
function openPart(check: HealthCheckArgs): object {
  const { password, headers, ...open } = check as HealthCheckArgs & { password?: unknown; headers?: unknown };
  return open;
}

/** What of a check goes into a Secret; undefined: nothing. */
export function secretPart(check: HealthCheckArgs | undefined): SecretPart | undefined {
  if (check !== undefined && "password" in check && check.password !== undefined)
    return { password: check.password };
  if (check?.type === "http" && check.headers !== undefined) return { headers: check.headers };
  return undefined;
}

/** See {@link secretPart}. */
export interface SecretPart {
  password?: pulumi.Input<string>;
  headers?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}
