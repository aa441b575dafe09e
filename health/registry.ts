import type { ActiveHealthCheck, HealthCheckOf } from "../spec";
import type { Checker } from "./checker";
import * as checkers from "./checkers";

/** The compiler complains here of a kind that may be written and that nobody makes. */
const CHECKERS: { readonly [T in ActiveHealthCheck["type"]]: Checker<HealthCheckOf<T>> } = checkers;

/** The checker for a check's settings. */
export function checkerFor(settings: ActiveHealthCheck): Checker<ActiveHealthCheck> {
  return CHECKERS[settings.type] as Checker<ActiveHealthCheck>;
}
