import { NetlinkSyntaxError } from "./syntax-error";

/** Attributes and messages begin at multiples of it (NLA_ALIGNTO). */
const ALIGN = 4;
const HEAD_BYTES = 4;
/** NLA_F_NESTED: attributes within an attribute. */
const NESTED = 0x8000;
/** NLA_TYPE_MASK: a type without its flags. */
const TYPE_MASK = 0x3fff;
/** More than any message of ours has. */
const CAPACITY = 1_024;

export const NO_BYTES: Buffer = Buffer.alloc(0);

/** Where the next attribute begins. */
export function aligned(length: number): number {
  return (length + ALIGN - 1) & ~(ALIGN - 1);
}

/** What is written in one go lies here until it is taken: thousands are written one after the other. */
const room = Buffer.alloc(CAPACITY);

/**
 * Writes attributes one behind the other (linux/netlink.h, struct nlattr). Numbers are in the order of the processor,
 * which is little-endian wherever this runs; what stands in packets is big-endian.
 *
 * There is one at a time: it is taken before the next one is begun.
 *
 * @throws RangeError when there is more than any message of ours has
 */
export class AttributeWriter {
  readonly #bytes = room;
  #length = 0;

  u8(type: number, value: number): this {
    const at = this.#begin(type, 1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#begin(type, 2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  /** A port. */
  be16(type: number, value: number): this {
    const at = this.#begin(type, 2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  u32(type: number, ...values: readonly number[]): this {
    let at = this.#begin(type, 4 * values.length);
    for (const value of values) at = this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    this.#bytes.set(value, this.#begin(type, value.length));
    return this;
  }

  /** A text that ends with a zero. */
  text(type: number, value: string): this {
    return this.bytes(type, Buffer.from(`${value}\0`));
  }

  nested(type: number, write: () => void): this {
    const head = this.#length;
    this.#begin(type | NESTED, 0);
    write();
    this.#bytes.writeUInt16LE(this.#length - head, head);
    return this;
  }

  /** All that was written. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  /** @returns where the value goes */
  #begin(type: number, length: number): number {
    const head = this.#length;
    const end = head + aligned(HEAD_BYTES + length);
    if (end > CAPACITY) throw new RangeError(`attributes of more than ${CAPACITY} bytes`);
    this.#bytes.fill(0, head, end);
    this.#bytes.writeUInt16LE(HEAD_BYTES + length, head);
    this.#bytes.writeUInt16LE(type, head + 2);
    this.#length = end;
    return head + HEAD_BYTES;
  }
}

/**
 * Calls `visit` with the type of each attribute between two places, and with where its value begins and ends.
 *
 * @throws NetlinkSyntaxError when one does not fit in there
 */
export function eachAttribute(
  bytes: Buffer,
  from: number,
  to: number,
  visit: (type: number, from: number, to: number) => void,
): void {
  let at = from;
  while (to - at >= HEAD_BYTES) {
    const length = bytes.readUInt16LE(at);
    if (length < HEAD_BYTES || length > to - at)
      throw new NetlinkSyntaxError(`an attribute of ${HEAD_BYTES} to ${to - at} bytes`, `${length}`);
    visit(bytes.readUInt16LE(at + 2) & TYPE_MASK, at + HEAD_BYTES, at + length);
    at += aligned(length);
  }
}

/**
 * What is in the attribute of a type.
 *
 * @param what it is, for the error's message
 * @throws NetlinkSyntaxError when there is none
 */
export function nestedIn(bytes: Buffer, type: number, what: string): Buffer {
  let found: Buffer | undefined;
  eachAttribute(bytes, 0, bytes.length, (one, from, to) => {
    if (one === type) found = bytes.subarray(from, to);
  });
  if (!found) throw new NetlinkSyntaxError(what, "none");
  return found;
}

/** A number of the width that the kernel gave it, which differs between versions. Exact up to 2^53. */
export function readUnsigned(bytes: Buffer, from: number, to: number): number {
  switch (to - from) {
    case 1:
      return bytes.readUInt8(from);
    case 2:
      return bytes.readUInt16LE(from);
    case 4:
      return bytes.readUInt32LE(from);
    case 8:
      return bytes.readUInt32LE(from) + bytes.readUInt32LE(from + 4) * 2 ** 32;
    default:
      throw new NetlinkSyntaxError("a number of 1, 2, 4 or 8 bytes", `one of ${to - from}`);
  }
}

/** A port, as it stands in packets. */
export function readPort(bytes: Buffer, from: number, to: number): number {
  if (to - from !== 2) throw new NetlinkSyntaxError("a port of 2 bytes", `one of ${to - from}`);
  return bytes.readUInt16BE(from);
}

/** A text up to its zero. */
export function readText(bytes: Buffer, from: number, to: number): string {
  const end = bytes.indexOf(0, from);
  return bytes.toString("latin1", from, end < 0 || end > to ? to : end);
}
