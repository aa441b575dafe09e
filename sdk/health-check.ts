import * as pulumi from "@pulumi/pulumi";
import type { CheckMethod, HealthCheckInput } from "../spec";

/** Where, when and how often a server is asked; the same for every kind of check. */
export interface CheckTimingArgs {
  /** Address to check. Default: the real server's own. */
  address?: pulumi.Input<string>;
  /** Port to check. Default: the real server's own port. */
  port?: pulumi.Input<number>;
  /**
   * Address of the director that checks come from, of the same family as the address that is checked. Refused unless the
   * cluster's `mode` is `agent`: over SSH it cannot be chosen. Default: what the director's routes say.
   */
  sourceAddress?: pulumi.Input<string>;
  /** Milliseconds from the start of one check to the start of the next. Default 1000. */
  intervalMs?: pulumi.Input<number>;
  /** The same after a check that failed. Default: `intervalMs`. */
  retryMs?: pulumi.Input<number>;
  /**
   * Continuous checks alone: the first is made at some time within so many milliseconds, so that servers that are declared
   * together are not all asked together. Default: `intervalMs`.
   */
  warmupMs?: pulumi.Input<number>;
  /** A check without an answer after so many milliseconds has failed. Default 1000. */
  timeoutMs?: pulumi.Input<number>;
  /** Consecutive successes that make a server healthy. Default 2. */
  rise?: pulumi.Input<number>;
  /**
   * Consecutive failures that make a server unhealthy. Default 2. Kept for continuous checks, which `ssh` mode does not
   * make: a change waits on `rise` alone.
   */
  fall?: pulumi.Input<number>;
  /** How many milliseconds a change waits for a server to become healthy. Default 30000. */
  deadlineMs?: pulumi.Input<number>;
  /**
   * With `dr` and `tun`: whether a server is also checked by way of its virtual address, as its clients' packets will
   * come. Default true; needs bash, iproute2's `tc` and network namespaces on the directors.
   */
  forwardingCheck?: pulumi.Input<boolean>;
}

/** TLS of an HTTP check. Certificates are verified, against the system's roots or `ca`, unless `insecure` says not to. */
export type CheckTlsArgs = CheckTlsName & (VerifiedTls | UnverifiedTls);

interface CheckTlsName {
  /** Name sent to the server and looked for in its certificate. Default: `host` without its port, else the address. */
  serverName?: pulumi.Input<string>;
}

interface VerifiedTls {
  /** One or more certificates in PEM format, trusted in place of the system's roots. Default: the system's. */
  ca?: pulumi.Input<string>;
  insecure?: false;
}

interface UnverifiedTls {
  ca?: undefined;
  /** Take any certificate: encrypted, but from nobody knows whom. Default false. */
  insecure: true;
}

interface HttpRequestArgs extends CheckTimingArgs {
  type: "http";
  /** Path and query. Default `/`. */
  path?: pulumi.Input<string>;
  /** Host header. Default: the server's address and port. */
  host?: pulumi.Input<string>;
  /** Further header fields by name; `Host` goes through `host`. All values are kept secret. Default: none. */
  headers?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Statuses and ranges of them that are healthy, such as `[204, "300-399"]`, from 200 to 599. Default `["200-399"]`. */
  expectedStatuses?: pulumi.Input<pulumi.Input<number | string>[]>;
  /** Speak TLS; `{}` takes its defaults. Default: the request is in the clear. */
  tls?: CheckTlsArgs;
}

interface WithoutBody {
  /** Request method. Default `HEAD`. None of them changes anything on a server, so there is no `POST`. */
  method?: pulumi.Input<CheckMethod>;
  bodyRegex?: undefined;
}

interface WithBody {
  /** Only an answer to `GET` has a body to search. */
  method: "GET" | pulumi.Output<"GET">;
  /**
   * Regular expression of JavaScript (with the flag `u`) to be found in the first 64 KiB of the body, read as UTF-8.
   * One that needs more than 100 ms there fails the check. Default: the body is not looked at.
   */
  bodyRegex: pulumi.Input<string>;
}

/**
 * HTTP request; an answer with an expected status is healthy. Redirects are not followed.
 *
 * @example { type: "http", path: "/health", host: "shop.example", tls: {}, expectedStatuses: [200] }
 * @example { type: "http", method: "GET", path: "/health", bodyRegex: '"status": ?"ok"' }
 */
export type HttpCheckArgs = HttpRequestArgs & (WithoutBody | WithBody);

/** TCP handshake. */
export interface TcpCheckArgs extends CheckTimingArgs {
  type: "tcp";
}

/**
 * MySQL or MariaDB: login and one statement, in the clear; only the password is never sent as it is.
 *
 * @example { type: "mysql", user: "heye", password, readOnly: false }
 * @example { type: "mysql", user: "heye", password, readOnly: true, maxLagMs: 10_000 }
 */
export interface MysqlCheckArgs extends CheckTimingArgs {
  type: "mysql";
  /**
   * Account that logs in; but for `maxLagMs` it needs no privilege but to connect. Default: none; a server that refuses the
   * login is alive then, and nothing more is asked of it.
   */
  user?: pulumi.Input<string>;
  /** Its password. Kept secret. */
  password?: pulumi.Input<string>;
  /** Statement that must succeed. Default `SELECT 1`. */
  query?: pulumi.Input<string>;
  /**
   * What the server's `@@global.read_only` must be: `false` for a pool of writers, `true` for one of readers. Default: either.
   */
  readOnly?: pulumi.Input<boolean>;
  /**
   * How many milliseconds a replica may be behind its source, by `Seconds_Behind_Source`, which counts in seconds. A server
   * that is no replica, or whose replication does not run, is not healthy. The account needs `REPLICATION CLIENT`, on
   * MariaDB since 10.5 `REPLICA MONITOR`. Default: not asked.
   */
  maxLagMs?: pulumi.Input<number>;
}

/** No check: servers are let in at once, and preview says so. */
export interface NoCheckArgs {
  type: "none";
}

type CheckType = HealthCheckInput["type"];

/** The arguments that a kind of check has of its own, as the specification takes them. */
type OwnCheckArgs<C> = {
  [K in keyof C as Exclude<K, keyof CheckTimingArgs | "type">]: pulumi.Input<Exclude<C[K], undefined>>;
};

/** The arguments of a check of the type that is named, as the specification takes them. */
export type CheckArgs<T extends CheckType> = CheckTimingArgs & { type: T } & OwnCheckArgs<
    Extract<HealthCheckInput, { type: T }>
  >;

type OtherType = Exclude<CheckType, (HttpCheckArgs | TcpCheckArgs | MysqlCheckArgs | NoCheckArgs)["type"]>;

/** Kinds of checks that are not written out above. */
type OtherCheckArgs = { [T in OtherType]: CheckArgs<T> }[OtherType];

/** What proves that a real server works. Checks are made from every director. */
export type HealthCheckArgs = HttpCheckArgs | TcpCheckArgs | MysqlCheckArgs | NoCheckArgs | OtherCheckArgs;

/** The same check with everything that may be a secret marked as one: a password, the values of header fields. */
export function withSecrets(check: HealthCheckArgs | undefined): HealthCheckArgs | undefined {
  if (check !== undefined && "password" in check && check.password !== undefined) {
    return { ...check, password: pulumi.secret(check.password) };
  }
  if (check?.type === "http" && check.headers !== undefined) {
    return { ...check, headers: secretValues(check.headers) };
  }
  return check;
}

/** Marks each value, so that names stay visible; headers that come out of a promise are secret as a whole. */
function secretValues(headers: NonNullable<HttpCheckArgs["headers"]>): HttpCheckArgs["headers"] {
  if (pulumi.Output.isInstance(headers) || headers instanceof Promise) return pulumi.secret(headers);
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, pulumi.secret(value)]));
}
