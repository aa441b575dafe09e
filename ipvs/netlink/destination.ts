import type { Traffic } from "../traffic";
import { addressBytes, FAMILIES, readAddress } from "./address";
import { type AttributeWriter, eachAttribute, nestedIn, readPort, readUnsigned } from "./attributes";
import { readTraffic } from "./counters";
import { type ConnectionCounts, type DestinationEntry, METHODS } from "./entries";
import { NetlinkSyntaxError } from "./syntax-error";

/** IPVS_CMD_ATTR_DEST */
const DESTINATION = 2;
/** IPVS_DEST_ATTR_ */
const ATTRIBUTES = {
  ...{ address: 1, port: 2, method: 3, weight: 4, upper: 5, lower: 6 },
  ...{ active: 7, inactive: 8, persistent: 9, counters: 10, family: 11, counters64: 12 },
  ...{ tunnelType: 13, tunnelPort: 14, tunnelFlags: 15 },
} as const;

/** Which of an entry's fields a command needs. */
export type DestinationPart = "identity" | "whole";

export function writeDestination(
  writer: AttributeWriter,
  entry: DestinationEntry,
  part: DestinationPart,
): void {
  writer.nested(DESTINATION, () => {
    writer
      .bytes(ATTRIBUTES.address, addressBytes(entry.address))
      .be16(ATTRIBUTES.port, entry.port)
      .u16(ATTRIBUTES.family, entry.family);
    if (part === "identity") return;
    writer
      .u32(ATTRIBUTES.method, entry.method)
      .u32(ATTRIBUTES.weight, entry.weight)
      .u32(ATTRIBUTES.upper, entry.upper)
      .u32(ATTRIBUTES.lower, entry.lower);
    if (entry.method !== METHODS.tun) return;
    writer
      .u8(ATTRIBUTES.tunnelType, entry.tunnelType)
      .be16(ATTRIBUTES.tunnelPort, entry.tunnelPort)
      .u16(ATTRIBUTES.tunnelFlags, entry.tunnelFlags);
  });
}

/** Fields that are numbers, by the types of their attributes. */
const NUMBERS = new Map(
  (["family", "method", "weight", "upper", "lower", "tunnelType", "tunnelFlags"] as const).map(
    (field): [number, typeof field] => [ATTRIBUTES[field], field],
  ),
);
const COUNTS = new Map(
  (["active", "inactive", "persistent"] as const).map((field): [number, typeof field] => [
    ATTRIBUTES[field],
    field,
  ]),
);

/**
 * The destination that a message of a dump tells of.
 *
 * @param family of its service: kernels before 3.18 do not tell a destination's own
 * @throws NetlinkSyntaxError
 */
export function readDestination(attributes: Buffer, family: number): DestinationEntry {
  const bytes = nestedIn(attributes, DESTINATION, "a destination");
  const entry = {
    ...{ family, address: "", port: 0, method: 0, weight: 0, upper: 0, lower: 0 },
    ...{ tunnelType: 0, tunnelPort: 0, tunnelFlags: 0 },
  };
  let address: readonly [number, number] | undefined;
  eachAttribute(bytes, 0, bytes.length, (type, from, to) => {
    const field = NUMBERS.get(type);
    if (field) entry[field] = readUnsigned(bytes, from, to);
    else if (type === ATTRIBUTES.address) address = [from, to];
    else if (type === ATTRIBUTES.port) entry.port = readPort(bytes, from, to);
    else if (type === ATTRIBUTES.tunnelPort) entry.tunnelPort = readPort(bytes, from, to);
  });
  if (entry.family !== FAMILIES.ipv4 && entry.family !== FAMILIES.ipv6)
    throw new NetlinkSyntaxError("a destination of IPv4 or IPv6", `one of address family ${entry.family}`);
  if (!address) throw new NetlinkSyntaxError("a destination's address", "none");
  entry.weight |= 0;
  entry.address = readAddress(bytes, ...address, entry.family);
  return entry;
}

/**
 * What that destination carries and has carried.
 *
 * @throws NetlinkSyntaxError
 */
export function readDestinationTraffic(attributes: Buffer): ConnectionCounts & Traffic {
  const bytes = nestedIn(attributes, DESTINATION, "a destination");
  const counts = { active: 0, inactive: 0, persistent: 0 };
  eachAttribute(bytes, 0, bytes.length, (type, from, to) => {
    const field = COUNTS.get(type);
    if (field) counts[field] = readUnsigned(bytes, from, to);
  });
  return { ...counts, ...readTraffic(bytes, ATTRIBUTES) };
}
