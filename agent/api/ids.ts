import * as z from "zod";
import {
  canonicalAddress,
  identityProblems,
  isRecord,
  parse,
  type RealServer,
  type VirtualServerIdentity,
  virtualServerId,
  virtualServerIdentity,
  withIdentityDefaults,
} from "../../spec";

export { virtualServerId };

const identity = z.strictObject(virtualServerIdentity);

/** The inverse of {@link virtualServerId}; undefined for what it never makes, another spelling among them. */
export function identityOfId(id: string): VirtualServerIdentity | undefined {
  const mark = /^fwmark-([0-9]{1,10})-(ipv4|ipv6)$/.exec(id);
  const socket = /^(tcp|udp|sctp)-(.+)-([0-9]{1,5})$/.exec(id);
  const fields = mark
    ? { fwmark: Number(mark[1]), family: mark[2] }
    : socket && { protocol: socket[1], address: bare(socket[2] ?? ""), port: Number(socket[3]) };
  if (!isRecord(fields)) return undefined;
  const { value, problems } = parse(identity, fields);
  if (problems.length > 0 || identityProblems(value, () => false).length > 0) return undefined;
  const found = withIdentityDefaults(value);
  return virtualServerId(found) === id ? found : undefined;
}

/** A real server's place below its virtual server: `10.0.0.1-80`, `[2001:db8::1]-80`. */
export function realServerId(one: Pick<RealServer, "address" | "port">): string {
  return place(one);
}

/** Where the API has the drain of a real server. */
export function drainPath(
  service: VirtualServerIdentity,
  member: Pick<RealServer, "address" | "port">,
): string {
  const [id, server] = [virtualServerId(service), realServerId(member)].map(encodeURIComponent);
  return `/v1/virtual-servers/${id}/real-servers/${server}/drain`;
}

/** The inverse of {@link realServerId}; undefined for what it never makes. */
export function placeOfId(id: string): Pick<RealServer, "address" | "port"> | undefined {
  const [, text = "", port] = /^(.+)-([0-9]{1,5})$/.exec(id) ?? [];
  const address = canonicalAddress(bare(text));
  if (address === undefined || Number(port) > 65_535) return undefined;
  const found = { address, port: Number(port) };
  return realServerId(found) === id ? found : undefined;
}

function place({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(":") ? `[${address}]-${port}` : `${address}-${port}`;
}

function bare(text: string): string {
  return text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
}
