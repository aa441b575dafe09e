import type { Traffic } from "../traffic";
import { addressBytes, FAMILIES, readAddress } from "./address";
import {
  type AttributeWriter,
  eachAttribute,
  nestedIn,
  readPort,
  readText,
  readUnsigned,
} from "./attributes";
import { readTraffic } from "./counters";
import type { ServiceEntry } from "./entries";
import { NetlinkSyntaxError } from "./syntax-error";

/** IPVS_CMD_ATTR_SERVICE */
const SERVICE = 1;
/** IPVS_SVC_ATTR_ */
const ATTRIBUTES = {
  ...{ family: 1, protocol: 2, address: 3, port: 4, mark: 5 },
  ...{ scheduler: 6, flags: 7, timeout: 8, netmask: 9, counters: 10, engine: 11, counters64: 12 },
} as const;
/** Every flag is ours to set, as ipvsadm has it. */
const ALL_FLAGS = 0xffff_ffff;

/** Which of an entry's fields a command needs. */
export type ServicePart = "identity" | "whole";

export function writeService(writer: AttributeWriter, entry: ServiceEntry, part: ServicePart): void {
  writer.nested(SERVICE, () => {
    writer.u16(ATTRIBUTES.family, entry.family);
    if (entry.mark !== 0) writer.u32(ATTRIBUTES.mark, entry.mark);
    else
      writer
        .u16(ATTRIBUTES.protocol, entry.protocol)
        .bytes(ATTRIBUTES.address, addressBytes(entry.address))
        .be16(ATTRIBUTES.port, entry.port);
    if (part === "identity") return;
    writer.text(ATTRIBUTES.scheduler, entry.scheduler);
    if (entry.engine !== "") writer.text(ATTRIBUTES.engine, entry.engine);
    writer
      .u32(ATTRIBUTES.flags, entry.flags, ALL_FLAGS)
      .u32(ATTRIBUTES.timeout, entry.timeoutS)
      .u32(ATTRIBUTES.netmask, entry.netmask);
  });
}

/** Fields that are numbers, by the types of their attributes. */
const NUMBERS: ReadonlyMap<number, "family" | "protocol" | "mark" | "timeoutS" | "netmask"> = new Map([
  [ATTRIBUTES.family, "family"],
  [ATTRIBUTES.protocol, "protocol"],
  [ATTRIBUTES.mark, "mark"],
  [ATTRIBUTES.timeout, "timeoutS"],
  [ATTRIBUTES.netmask, "netmask"],
]);

/**
 * The service that a message of a dump tells of.
 *
 * @throws NetlinkSyntaxError
 */
export function readService(attributes: Buffer): ServiceEntry {
  const bytes = nestedIn(attributes, SERVICE, "a service");
  const entry = {
    ...{ family: 0, protocol: 0, address: "", port: 0, mark: 0, scheduler: "", flags: 0 },
    ...{ timeoutS: 0, netmask: 0, engine: "" },
  };
  let address: readonly [number, number] | undefined;
  eachAttribute(bytes, 0, bytes.length, (type, from, to) => {
    const field = NUMBERS.get(type);
    if (field) entry[field] = readUnsigned(bytes, from, to);
    else if (type === ATTRIBUTES.address) address = [from, to];
    else if (type === ATTRIBUTES.port) entry.port = readPort(bytes, from, to);
    else if (type === ATTRIBUTES.scheduler) entry.scheduler = readText(bytes, from, to);
    else if (type === ATTRIBUTES.engine) entry.engine = readText(bytes, from, to);
    // Behind them is the mask of those that are told.
    else if (type === ATTRIBUTES.flags) entry.flags = readUnsigned(bytes, from, Math.min(to, from + 4));
  });
  if (entry.family !== FAMILIES.ipv4 && entry.family !== FAMILIES.ipv6)
    throw new NetlinkSyntaxError("a service of IPv4 or IPv6", `one of address family ${entry.family}`);
  if (address) entry.address = readAddress(bytes, ...address, entry.family);
  else if (entry.mark === 0) throw new NetlinkSyntaxError("a service's address or firewall mark", "neither");
  return entry;
}

/**
 * What that service has carried.
 *
 * @throws NetlinkSyntaxError
 */
export function readServiceTraffic(attributes: Buffer): Traffic {
  return readTraffic(nestedIn(attributes, SERVICE, "a service"), ATTRIBUTES);
}
