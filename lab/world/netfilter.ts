/**
 * Copies the rules of iptables from one network to another, by the socket options that iptables itself uses. Two
 * processes for each of 254 directors would be half the time that a large lab takes to come up.
 */
import { openRawSocket, readOption, writeOption } from "./kernel";

/** A whole table with its rules, of one family, as the kernel gives and takes it. */
interface RuleTable {
  readonly family: Family;
  /** struct ipt_getinfo, or the same of IPv6. */
  readonly info: Buffer;
  readonly entries: Buffer;
}

/** The tables of both families. */
export type RuleTables = readonly RuleTable[];

interface Family {
  readonly domain: number;
  /** Level of the socket options: IPPROTO_IP, IPPROTO_IPV6. */
  readonly level: number;
}

const FAMILIES: readonly Family[] = [
  { domain: 2, level: 0 },
  { domain: 10, level: 41 },
];
/** IPT_SO_SET_REPLACE and IPT_SO_GET_INFO have one number, and those of IPv6 the same. */
const OPTION = { replace: 64, info: 64, entries: 65 } as const;

const NAME_SIZE = 32;
const INFO_SIZE = 84;
/** In struct ipt_getinfo, from valid_hooks on; hook_entry and underflow follow. */
const INFO = { hooks: 32, positions: 36, entries: 76, size: 80 } as const;
/** In struct ipt_get_entries, on a 64-bit machine. */
const GET = { size: 32, entries: 40 } as const;
/** In struct ipt_replace, on a 64-bit machine. */
const REPLACE = {
  hooks: 32,
  entries: 36,
  size: 40,
  positions: 44,
  counters: 84,
  pointer: 88,
  table: 96,
} as const;
const POSITIONS_SIZE = 40;
const COUNTER_SIZE = 16;

/** Reads a table of both families in the thread's network. */
export function readRules(table: string): RuleTables {
  return FAMILIES.map((family) =>
    withSocket(family, (socket) => {
      const info = infoOf(socket, family, table);
      const request = Buffer.alloc(GET.entries + info.readUInt32LE(INFO.size));
      request.write(table);
      request.writeUInt32LE(info.readUInt32LE(INFO.size), GET.size);
      const answer = readOption(socket, family.level, OPTION.entries, request);
      return { family, info, entries: answer.subarray(GET.entries) };
    }),
  );
}

/** Puts these tables in place of those in the thread's network. */
export function writeRules(table: string, rules: RuleTables): void {
  for (const { family, info, entries } of rules)
    withSocket(family, (socket) => {
      // The kernel returns the counters of the rules that are replaced, to where we say.
      const replaced = infoOf(socket, family, table).readUInt32LE(INFO.entries);
      const counters = Buffer.alloc(COUNTER_SIZE * replaced);
      writeOption(socket, family.level, OPTION.replace, replacement(table, info, entries, replaced), {
        at: REPLACE.pointer,
        buffer: counters,
      });
    });
}

/** struct ipt_replace, without the address of the counters. */
export function replacement(table: string, info: Buffer, entries: Buffer, replaced: number): Buffer {
  const head = Buffer.alloc(REPLACE.table);
  head.write(table);
  head.writeUInt32LE(info.readUInt32LE(INFO.hooks), REPLACE.hooks);
  head.writeUInt32LE(info.readUInt32LE(INFO.entries), REPLACE.entries);
  head.writeUInt32LE(entries.length, REPLACE.size);
  info.copy(head, REPLACE.positions, INFO.positions, INFO.positions + POSITIONS_SIZE);
  head.writeUInt32LE(replaced, REPLACE.counters);
  return Buffer.concat([head, entries]);
}

function infoOf(socket: number, { level }: Family, table: string): Buffer {
  const request = Buffer.alloc(INFO_SIZE);
  request.write(table, 0, NAME_SIZE - 1);
  return readOption(socket, level, OPTION.info, request);
}

function withSocket<T>({ domain }: Family, act: (socket: number) => T): T {
  const socket = openRawSocket(domain);
  try {
    return act(socket.fd);
  } finally {
    socket.close();
  }
}
