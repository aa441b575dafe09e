import type { ActiveHealthCheck, HealthCheckOf } from "../spec";
import type { Checker } from "./checker";
import { httpChecker } from "./http";
import { mysqlChecker } from "./mysql";
import { tcpChecker } from "./tcp";

/** Every kind of check and who makes it: the one line a new checker adds. */
const CHECKERS: { readonly [T in ActiveHealthCheck["type"]]: Checker<HealthCheckOf<T>> } = {
  http: httpChecker,
  tcp: tcpChecker,
  mysql: mysqlChecker,
};

/** The checker for a check's settings. */
export function checkerFor(settings: ActiveHealthCheck): Checker<ActiveHealthCheck> {
  return CHECKERS[settings.type] as Checker<ActiveHealthCheck>;
}
