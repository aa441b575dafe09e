import type { Verdict } from "../health";
import { endpoint, type HealthCheck } from "../spec";

/** A server that did not become healthy, seen from one director. */
export interface GateFailure {
  readonly director: string;
  readonly server: string;
  readonly check: HealthCheck;
  readonly verdict: Verdict;
}

/** Servers did not pass their health check in time. */
export class GateError extends Error {
  override readonly name = "GateError";
  readonly code = "HEYE_GATE";

  constructor(
    readonly failures: readonly GateFailure[],
    consequence: string,
  ) {
    const lines = failures.map(({ director, server, check, verdict }) => {
      const times = `${verdict.checks} ${verdict.checks === 1 ? "check" : "checks"}`;
      return `  ${server} from director ${director}: ${describeCheck(check, server)}: ${verdict.answer} (${times})`;
    });
    super(`servers did not become healthy:\n${lines.join("\n")}\n${consequence}`);
  }
}

/** Some directors could not be changed; the message holds every director's reason. */
export class RolloutError extends Error {
  override readonly name = "RolloutError";
  readonly code = "HEYE_ROLLOUT";

  constructor(
    readonly causes: readonly Error[],
    total: number,
    consequence: string,
    /** A director may hold the change all the same: it could not be asked, or not be put back. */
    readonly uncertain = false,
  ) {
    const lines = causes.map((cause) => `  ${withCode(cause).replaceAll("\n", "\n  ")}`);
    super(`${causes.length} of ${total} directors failed:\n${lines.join("\n")}\n${consequence}`);
  }
}

/** A check as one reads it aloud: "http HEAD / on 10.0.0.1:80". */
export function describeCheck(check: HealthCheck, server: string): string {
  if (check.type === "none") return "no check";
  const at = check.port === undefined ? server : onPort(server, check.port);
  if (check.type !== "http") return `${check.type} on ${at}`;
  return `${check.tls ? "https" : "http"} ${check.method} ${check.path} on ${at}`;
}

function onPort(server: string, port: number): string {
  return endpoint(server.replace(/:[0-9]+$/, "").replace(/^\[|\]$/g, ""), port);
}

/** An error's message with its code, under which docs/errors.md has a row. */
export function withCode(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && code.startsWith("HEYE_") ? `${error.message} [${code}]` : error.message;
}
