import ipaddr from "ipaddr.js";
import type { FlowEnds } from "../../ipvs";

/** What a segment of TCP does; RFC 9293, 3.1. */
const FLAGS = { syn: 0x02, rst: 0x04, ack: 0x10 } as const;

/** A segment without data. */
export interface Segment extends FlowEnds {
  readonly flag: keyof typeof FLAGS;
  readonly sequence: number;
}

const [IPV4_BYTES, TCP_BYTES] = [20, 20];
const TCP = 6;
/** Routers, and IPVS is one, throw away what has to go further. */
const TIME_TO_LIVE = 1;
const WINDOW = 1_024;
const DONT_FRAGMENT = 0x4000;

/**
 * A whole packet, from its IP header on, as a raw socket takes it. Its time to live lets it go no further than the machine that
 * it is sent on. The kernel fills in the checksum of an IPv4 header.
 */
export function packetOf(segment: Segment): Buffer {
  const [from, to] = [bytesOf(segment.client.address), bytesOf(segment.place.address)];
  const tcp = tcpOf(segment, from, to);
  return Buffer.concat([from.length === 4 ? ipv4(from, to) : ipv6(from, to), tcp]);
}

function ipv4(from: Buffer, to: Buffer): Buffer {
  const header = Buffer.alloc(IPV4_BYTES);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(IPV4_BYTES + TCP_BYTES, 2);
  header.writeUInt16BE(DONT_FRAGMENT, 6);
  header.writeUInt8(TIME_TO_LIVE, 8);
  header.writeUInt8(TCP, 9);
  return Buffer.concat([header.subarray(0, 12), from, to]);
}

function ipv6(from: Buffer, to: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(TCP_BYTES, 4);
  header.writeUInt8(TCP, 6);
  header.writeUInt8(TIME_TO_LIVE, 7);
  return Buffer.concat([header, from, to]);
}

function tcpOf({ client, place, flag, sequence }: Segment, from: Buffer, to: Buffer): Buffer {
  const header = Buffer.alloc(TCP_BYTES);
  header.writeUInt16BE(client.port, 0);
  header.writeUInt16BE(place.port, 2);
  header.writeUInt32BE(sequence >>> 0, 4);
  header.writeUInt32BE(flag === "ack" ? 1 : 0, 8);
  header.writeUInt8((TCP_BYTES / 4) << 4, 12);
  header.writeUInt8(FLAGS[flag], 13);
  header.writeUInt16BE(WINDOW, 14);
  const length = Buffer.alloc(4);
  length.writeUInt16BE(TCP, 0);
  length.writeUInt16BE(TCP_BYTES, 2);
  // The sum of 16-bit words does not mind in which of them protocol and length stand.
  header.writeUInt16BE(checksum(Buffer.concat([from, to, length, header])), 16);
  return header;
}

/** The Internet checksum (RFC 1071) of an even number of bytes. */
export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function bytesOf(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray());
}
