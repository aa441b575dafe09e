import type { Verdict } from "../health";
import { type ActiveHealthCheck, endpoint, type HealthCheck } from "../spec";
import type { ForwardingPath } from "./forwarding-path";

/** A server that did not become healthy, seen from one director. */
export interface GateFailure {
  readonly director: string;
  readonly server: string;
  readonly check: HealthCheck;
  /** Set when its own address passed, and the way of its clients' packets did not. */
  readonly path?: ForwardingPath | undefined;
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
    const lines = failures.map((one) => `  ${describeFailure(one)}`);
    const text = [...lines, ...hints(failures)].join("\n");
    super(`servers did not become healthy:\n${text}\n${consequence}`);
  }
}

/** "10.0.0.1:80 from director d1: tcp on 10.0.0.1:80: cannot connect: Connection refused (30 checks)". */
export function describeFailure({ director, server, check, path, verdict }: GateFailure): string {
  const times = `${verdict.checks} ${verdict.checks === 1 ? "check" : "checks"}`;
  const asked = path ? describePath(path) : describeCheck(check, server);
  return `${server} from director ${director}: ${asked}: ${verdict.answer} (${times})`;
}

/** A check as one reads it aloud: "http HEAD / on 10.0.0.1:80". */
export function describeCheck(check: HealthCheck, server: string): string {
  if (check.type === "none") return "no check";
  const at = placeAsked(server, check);
  if (check.type !== "http") return `${check.type} on ${at}`;
  return `${check.tls ? "https" : "http"} ${check.method} ${check.path} on ${at}`;
}

/** "http HEAD / on 192.0.2.10:80 by dr". */
function describePath({ address, port, member, check }: ForwardingPath): string {
  return `${describeCheck({ ...check, address: undefined, port: undefined }, endpoint(address, port))} by ${member.forwarding}`;
}

/** What to compare servers with that answer on their own address, and not in the way of their clients' packets. */
function hints(failures: readonly GateFailure[]): string[] {
  const commands = failures.flatMap(({ path }) => {
    if (!path) return [];
    const { type, port, checksum } = path.member.tunnel ?? {};
    const options = Object.entries({ "": type, "-port": port, "-checksum": checksum });
    const tunnel = options.flatMap(([name, value]) =>
      value === undefined ? [] : ` --tunnel${name} ${value}`,
    );
    // A device for gre with a checksum is made for one address of the server.
    const server = type === "gre" && checksum !== "none" ? ` --server ${path.member.address}` : "";
    return `npm run heye -- realserver-config --address ${path.address} --forwarding ${path.member.forwarding}${tunnel.join("")}${server}`;
  });
  return [...new Set(commands)].map(
    (command) =>
      `  Asked by dr or tun: the server's own address has passed. See what it needs, in a clone: \`${command}\`.`,
  );
}

/** A server's endpoint, or what its check names in place of its address and port. */
function placeAsked(server: string, { address, port }: ActiveHealthCheck): string {
  const [, own = "", ownPort] = /^(.*):([0-9]+)$/.exec(server) ?? [];
  return endpoint(address ?? own.replace(/^\[|\]$/g, ""), port ?? Number(ownPort));
}
