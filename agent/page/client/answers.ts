/**
 * Whether what an agent has answered is what this page shows. A page that was left open may be older than the agent: it is to say that
 * it is not live any more, and not to show half of what there is.
 */
import type { DestinationTraffic, ServiceTraffic, Traffic } from "../../../ipvs";
import type { RecentChecks } from "../../recent";
import type { ServerStatus, ServiceStatus, Status } from "../../status";

/** Properties of something whose kind is not known. */
export type Properties = Readonly<Record<string, unknown>>;

/** Whether it has properties at all. */
export function isProperties(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An answer of `/v1/status`, as far as the page goes into it. */
export function isStatus(value: unknown): value is Status {
  return (
    isProperties(value) &&
    has(value, "string", "director", "version") &&
    has(value, "number", "startedAt", "reconciledAt", "repairs") &&
    isProperties(value.checks) &&
    isListOf(value.services, isService) &&
    (value.alarms === undefined || isListOf(value.alarms, isProperties)) &&
    (value.plane === undefined ||
      (isProperties(value.plane) && isListOf(value.plane.directors, isProperties)))
  );
}

/** An answer of `/v1/recent-checks`. */
export function isRecentChecks(value: unknown): value is RecentChecks {
  if (!isProperties(value)) return false;
  return Object.values(value).every(
    (servers) => isProperties(servers) && has(servers, "string", ...Object.keys(servers)),
  );
}

/** An answer of `/v1/traffic`. */
export function isTraffic(value: unknown): value is readonly ServiceTraffic[] {
  return isListOf(value, isServiceTraffic);
}

function isService(value: unknown): value is ServiceStatus {
  return (
    isProperties(value) &&
    has(value, "string", "service", "owner", "scheduler") &&
    has(value, "boolean", "up") &&
    isListOf(value.servers, isServer) &&
    (value.sorryServer === undefined || isProperties(value.sorryServer))
  );
}

function isServer(value: unknown): value is ServerStatus {
  return (
    isProperties(value) &&
    has(value, "string", "server") &&
    has(value, "number", "configuredWeight", "effectiveWeight") &&
    isListOf(value.reasons, isText) &&
    (value.health === undefined || isProperties(value.health))
  );
}

function isServiceTraffic(value: unknown): value is ServiceTraffic {
  return isCounted(value) && has(value, "string", "service") && isListOf(value.destinations, isDestination);
}

function isDestination(value: unknown): value is DestinationTraffic {
  return (
    isCounted(value) && has(value, "string", "destination") && has(value, "number", "active", "inactive")
  );
}

function isCounted(value: unknown): value is Properties & Traffic {
  return (
    isProperties(value) &&
    has(value, "number", "connections", "packetsIn", "packetsOut", "bytesIn", "bytesOut")
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isOne);
}

function has(value: Properties, type: "string" | "number" | "boolean", ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === type);
}
