import { type ActiveHealthCheck, type HealthCheck, transportOf } from "../spec";
import type { Member } from "./registry";

/** How a client's packets reach a server: the virtual address, and the server with its forwarding method. */
export interface ForwardingPath {
  readonly address: string;
  /** TCP port that is asked for; dr and tun leave it as it is. */
  readonly port: number;
  readonly member: Member;
  /** What is asked there. Its own `port` does not count. */
  readonly check: ActiveHealthCheck;
}

/**
 * What has to be checked through the forwarding path before a server may enter.
 *
 * The question is the health check's own where that is asked on the virtual server's port. A check of another port may
 * be one that listens on the server's own address alone, so there a handshake on the virtual port takes its place.
 * Services that are not tcp, or have every port, are asked on the check's port. What is asked of the server itself over
 * UDP is asked over TCP there: what a director sets up for a question is one connection.
 *
 * @returns undefined where nothing is: nat (a check of the server's own address goes the same way), no health check,
 *   `forwardingCheck: false`, a firewall mark (which has no address to ask)
 */
export function forwardingPath(
  service: { readonly protocol?: string; readonly address?: string; readonly port?: number },
  member: Member,
  check: HealthCheck,
): ForwardingPath | undefined {
  const { address } = service;
  if (member.forwarding === "nat" || check.type === "none" || check.forwardingCheck === false)
    return undefined;
  if (address === undefined) return undefined;
  const asked = check.port ?? member.port;
  const port = (service.protocol === "tcp" && service.port) || asked;
  if (port === 0) return undefined;
  return { address, port, member, check: port === asked ? overTcp(check) : handshake(check) };
}

function overTcp(check: ActiveHealthCheck): ActiveHealthCheck {
  return transportOf(check) === "tcp" ? check : Object.assign({}, check, { transport: "tcp" as const });
}

function handshake({ intervalMs, timeoutMs, rise, fall, deadlineMs }: ActiveHealthCheck): ActiveHealthCheck {
  return { type: "tcp", intervalMs, timeoutMs, rise, fall, deadlineMs };
}
