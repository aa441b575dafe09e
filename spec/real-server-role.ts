import { canonicalAddress } from "./address";
import { parse } from "./parse";
import { formatPath } from "./problem";
import { FORWARDING_METHODS, type ForwardingMethod } from "./real-server";
import { type Tunnel, tunnelProblems, tunnel as tunnelSchema } from "./tunnel";

/** What a real server has to be set up for. */
export interface RealServerRole {
  /** Virtual addresses it answers for. */
  readonly addresses: readonly string[];
  readonly forwarding: ForwardingMethod;
  /** With `tun`. Default: plain IPIP. */
  readonly tunnel?: Tunnel | undefined;
  /** The server's own address; only a gre tunnel with a checksum needs it. */
  readonly server?: string | undefined;
}

/** Thrown for a role that cannot be set up as stated. */
export class RealServerRoleError extends Error {
  override readonly name = "RealServerRoleError";
}

/**
 * A role that can be set up, with its addresses in canonical spelling. What is written down is run by a shell as root, so
 * nothing goes into it but addresses, numbers and words of ours, whatever a program handed over.
 *
 * @throws RealServerRoleError
 */
export function checkedRole(role: RealServerRole): RealServerRole {
  const { forwarding, server, tunnel } = role;
  if (!FORWARDING_METHODS.includes(forwarding))
    throw new RealServerRoleError(
      `forwarding: expected one of ${FORWARDING_METHODS.join(", ")}, found ${JSON.stringify(forwarding)}`,
    );
  const problems = tunnel === undefined ? [] : parse(tunnelSchema, tunnel).problems;
  if (problems.length > 0)
    throw new RealServerRoleError(
      problems.map(({ path, reason }) => `${formatPath(["tunnel", ...path])}: ${reason}`).join("\n"),
    );
  checkTunnel(role);
  const addresses = role.addresses.map((one) => address("address", one));
  return { ...role, addresses, server: server === undefined ? undefined : address("server", server) };
}

function address(what: string, text: string): string {
  const canonical = canonicalAddress(String(text));
  if (canonical !== undefined) return canonical;
  throw new RealServerRoleError(`${what}: expected an IPv4 or IPv6 address, found ${JSON.stringify(text)}`);
}

function checkTunnel({ forwarding, tunnel }: RealServerRole): void {
  if (tunnel === undefined) return;
  if (forwarding !== "tun") {
    throw new RealServerRoleError(
      `tunnel: expected none with ${forwarding}, found one: only tun wraps packets`,
    );
  }
  const problems = tunnelProblems(tunnel).map(
    ({ path, reason }) => `${formatPath(["tunnel", ...path])}: ${reason}`,
  );
  if (problems.length > 0) throw new RealServerRoleError(problems.join("\n"));
}
