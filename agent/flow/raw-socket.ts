import ipaddr from "ipaddr.js";
import type { Libc } from "../netlink/libc";
import { SystemError } from "../netlink/system-error";

/** SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW: packets are sent with the IP header that they have. See raw(7). */
const SOCKET = { type: 0x8_0003, protocol: 255 } as const;
/** AF_INET and struct sockaddr_in, AF_INET6 and struct sockaddr_in6: where the address stands, and how long they are. */
const IPV4 = { family: 2, at: 4, bytes: 16 } as const;
const IPV6 = { family: 10, at: 8, bytes: 28 } as const;

/**
 * Sends a packet that begins with its IP header, from this machine.
 *
 * @param to where it goes, as in its header
 * @throws SystemError: without CAP_NET_RAW, or where nothing leads there
 */
export function sendPacket(libc: Libc, packet: Buffer, to: string): void {
  const bytes = ipaddr.parse(to).toByteArray();
  const { family, at, bytes: length } = bytes.length === 4 ? IPV4 : IPV6;
  const address = Buffer.alloc(length);
  address.writeUInt16LE(family);
  address.set(bytes, at);
  const socket = libc.socket(family, SOCKET.type, SOCKET.protocol);
  if (socket < 0) throw new SystemError("socket", libc.errno());
  try {
    if (libc.sendto(socket, packet, packet.length, 0, address, address.length) < 0)
      throw new SystemError("sendto", libc.errno());
  } finally {
    libc.close(socket);
  }
}
