import { type Destination, type Service, type ServiceId, serviceKey } from "../model";
import { FAMILIES, familyOf } from "./address";
import {
  type DestinationEntry,
  METHODS,
  PROTOCOLS,
  SERVICE_FLAGS,
  type ServiceEntry,
  TUNNEL_FLAGS,
  TUNNEL_TYPES,
} from "./entries";
import { schedulerFlag } from "./scheduler-flags";

/** An option that has no place in a message: ipvsadm would not take it either. */
export class UnknownOptionError extends Error {
  override readonly name = "UnknownOptionError";

  constructor(option: string) {
    super(`unknown option ${JSON.stringify(option)}`);
  }
}

/** What `ipvsadm -t 192.0.2.1:80` names. */
export function identityOf(service: ServiceId): ServiceEntry {
  const { protocol, address, port } = service;
  const plain = { scheduler: "", flags: 0, timeoutS: 0, netmask: 0, engine: "" };
  if (protocol === "fwmark") {
    const [mark = "", isIPv6] = address.split(" ");
    const family = isIPv6 ? FAMILIES.ipv6 : FAMILIES.ipv4;
    return { family, protocol: 0, address: "", port: 0, mark: Number(mark), ...plain };
  }
  return { family: familyOf(address), protocol: PROTOCOLS[protocol], address, port, mark: 0, ...plain };
}

/**
 * A service as ipvsadm would give it to the kernel.
 *
 * @throws UnknownOptionError
 */
export function serviceEntry(service: Service): ServiceEntry {
  const entry = identityOf(service);
  const isIPv6 = entry.family === FAMILIES.ipv6;
  const made = { ...entry, scheduler: service.scheduler, netmask: isIPv6 ? 128 : 0xffff_ffff };
  const words = new Words(service.extra);
  for (let word = words.next(); word !== undefined; word = words.next()) {
    switch (word) {
      case "-p":
        made.flags |= SERVICE_FLAGS.persistent;
        made.timeoutS = words.number(word);
        break;
      case "-M":
        made.netmask = isIPv6 ? words.number(word) : readMask(words.value(word));
        break;
      case "--pe":
        made.engine = words.value(word);
        break;
      case "-o":
        made.flags |= SERVICE_FLAGS.onePacket;
        break;
      case "-b":
        for (const name of words.value(word).split(",")) made.flags |= schedulerFlag(name) ?? unknown(name);
        break;
      default:
        unknown(word);
    }
  }
  return made;
}

/**
 * A destination as ipvsadm would give it to the kernel, but for one thing: its port is left as it is with dr and tun too,
 * where ipvsadm takes the service's.
 *
 * @throws UnknownOptionError
 */
export function destinationEntry(destination: Destination): DestinationEntry {
  const { address, port, method, weight, thresholds, extra } = destination;
  const made = {
    ...{ family: familyOf(address), address, port, method: METHODS[method], weight },
    ...{ upper: thresholds?.upper ?? 0, lower: thresholds?.lower ?? 0 },
    ...{ tunnelType: 0, tunnelPort: 0, tunnelFlags: 0 },
  };
  const words = new Words(extra);
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "--tun-type") made.tunnelType = tunnelType(words.value(word));
    else if (word === "--tun-port") made.tunnelPort = words.number(word);
    else made.tunnelFlags |= CHECKSUM_OPTIONS.get(word) ?? unknown(word);
  }
  return made;
}

const CHECKSUM_OPTIONS: ReadonlyMap<string, number> = new Map([
  ["--tun-nocsum", TUNNEL_FLAGS.none],
  ["--tun-csum", TUNNEL_FLAGS.normal],
  ["--tun-remcsum", TUNNEL_FLAGS.remote],
]);

/** The identity of a service as the rest of the agent has it, see `serviceKey`. */
export function keyOf(entry: ServiceEntry): string {
  return serviceKey(serviceId(entry));
}

function serviceId({ family, protocol, address, port, mark }: ServiceEntry): ServiceId {
  if (mark === 0) return { protocol: protocolName(protocol), address, port };
  return { protocol: "fwmark", address: family === FAMILIES.ipv6 ? `${mark} -6` : `${mark}`, port: 0 };
}

/** As ipvsadm has it: what it does not know is SCTP. */
function protocolName(protocol: number): "tcp" | "udp" | "sctp" {
  if (protocol === PROTOCOLS.tcp) return "tcp";
  return protocol === PROTOCOLS.udp ? "udp" : "sctp";
}

function tunnelType(name: string): number {
  const type = TUNNEL_TYPES.indexOf(name);
  return type < 0 ? unknown(name) : type;
}

function readMask(text: string): number {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) unknown(text);
  return parts.reduce((mask, part, index) => mask + part * 256 ** index, 0);
}

/** Words of options, one after the other. */
class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(extra: string) {
    this.#words = extra === "" ? [] : extra.split(" ");
  }

  next(): string | undefined {
    return this.#words[this.#at++];
  }

  value(option: string): string {
    return this.next() ?? unknown(option);
  }

  number(option: string): number {
    const word = this.value(option);
    return /^[0-9]{1,10}$/.test(word) ? Number(word) : unknown(`${option} ${word}`);
  }
}

function unknown(option: string): never {
  throw new UnknownOptionError(option);
}
