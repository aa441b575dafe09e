import type { Destination, DestinationMethod, Service, ServiceId, Table } from "./model";
import { serviceKey } from "./model";

/** Text that `ipvsadm --save -n` would not have written. */
export class TableSyntaxError extends Error {
  override readonly name = "TableSyntaxError";

  constructor(
    readonly lineNumber: number,
    readonly line: string,
    expected: string,
  ) {
    super(
      `line ${lineNumber} of the IPVS table: expected ${expected}, found ${JSON.stringify(line.slice(0, 200))}. ` +
        "Is `ipvsadm` on the director the original one (version 1.28 or newer)?",
    );
  }
}

const PROTOCOL_OPTIONS = { "-t": "tcp", "-u": "udp", "--sctp-service": "sctp", "-f": "fwmark" } as const;
const METHOD_OPTIONS: Readonly<Record<string, DestinationMethod>> = { "-m": "nat", "-g": "dr", "-i": "tun" };

/**
 * Reads what `ipvsadm --save -n` prints (ipvsadm.c, print_service_entry with FMT_RULE). Options this project
 * does not set are kept as text, so that one set by hand still shows up as a difference.
 *
 * @throws TableSyntaxError on anything else.
 */
export function parseTable(text: string): Table {
  const services = new Map<string, Service & { destinations: Destination[] }>();
  text.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    const reader = new LineReader(index + 1, line);
    const command = reader.next("-A or -a");
    if (command === "-A") {
      const service = readService(reader);
      services.set(serviceKey(service), service);
    } else if (command === "-a") {
      const owner = services.get(serviceKey(readServiceId(reader)));
      if (!owner) throw reader.error("a service (-A) before its destinations");
      owner.destinations.push(readDestination(reader));
    } else throw reader.error("-A or -a");
  });
  return [...services.values()];
}

function readService(reader: LineReader): Service & { destinations: Destination[] } {
  const id = readServiceId(reader);
  let scheduler = "wlc";
  const extra: string[] = [];
  while (reader.more()) {
    const word = reader.next("an option");
    if (word === "-s") scheduler = reader.next("a scheduler");
    else extra.push(word);
  }
  return { ...id, scheduler, extra: extra.join(" "), destinations: [] };
}

function readDestination(reader: LineReader): Destination {
  if (reader.next("-r") !== "-r") throw reader.error("-r and a destination");
  const { address, port } = readSocket(reader);
  let method: DestinationMethod = "dr";
  let weight = 1;
  const extra: string[] = [];
  while (reader.more()) {
    const word = reader.next("an option");
    const named = Object.hasOwn(METHOD_OPTIONS, word) ? METHOD_OPTIONS[word] : undefined;
    if (named) method = named;
    else if (word === "-w") weight = readNumber(reader, 2 ** 31 - 1);
    else extra.push(word);
  }
  return { address, port, method, weight, extra: withoutDefaults(extra.join(" ")) };
}

/** ipvsadm 1.30 and later names the tunnel type even when it is the default one, which earlier versions had alone. */
function withoutDefaults(extra: string): string {
  return extra.replace(/^--tun-type ipip$/, "");
}

function readServiceId(reader: LineReader): ServiceId {
  const option = reader.next("-t, -u, --sctp-service or -f");
  if (!Object.hasOwn(PROTOCOL_OPTIONS, option)) throw reader.error("-t, -u, --sctp-service or -f");
  const protocol = PROTOCOL_OPTIONS[option as keyof typeof PROTOCOL_OPTIONS];
  if (protocol !== "fwmark") return { protocol, ...readSocket(reader) };
  const mark = String(readMark(reader));
  return { protocol, address: reader.take("-6") ? `${mark} -6` : mark, port: 0 };
}

/** ipvsadm prints marks as signed numbers of 32 bits, and takes them as unsigned ones. */
function readMark(reader: LineReader): number {
  const word = reader.next("a firewall mark");
  const mark = Number(word);
  if (!/^-?[0-9]+$/.test(word) || mark < -(2 ** 31) || mark > 2 ** 32 - 1) {
    throw reader.error(`a firewall mark up to ${2 ** 32 - 1}`);
  }
  return mark >>> 0;
}

function readSocket(reader: LineReader): { address: string; port: number } {
  const word = reader.next("an address and a port");
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(word);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw reader.error("a numeric address and port");
  return { address: match[1] ?? match[2] ?? "", port };
}

function readNumber(reader: LineReader, max: number): number {
  const word = reader.next("a number");
  const value = Number(word);
  if (!/^[0-9]+$/.test(word) || value > max) throw reader.error(`a number up to ${max}`);
  return value;
}

class LineReader {
  readonly #words: string[];
  #position = 0;

  constructor(
    private readonly lineNumber: number,
    private readonly line: string,
  ) {
    this.#words = line.trim().split(/\s+/);
  }

  more(): boolean {
    return this.#position < this.#words.length;
  }

  next(expected: string): string {
    const word = this.#words[this.#position];
    if (word === undefined) throw this.error(expected);
    this.#position += 1;
    return word;
  }

  take(word: string): boolean {
    const found = this.#words[this.#position] === word;
    if (found) this.#position += 1;
    return found;
  }

  error(expected: string): TableSyntaxError {
    return new TableSyntaxError(this.lineNumber, this.line, expected);
  }
}
