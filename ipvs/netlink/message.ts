import { aligned } from "./attributes";
import { NetlinkSyntaxError } from "./syntax-error";

/** Flags of a message (linux/netlink.h). */
export const FLAGS = {
  request: 0x1,
  /** It is answered even when all went well. Failures always are. */
  ack: 0x4,
  /** All there is, and not one. */
  dump: 0x300,
} as const;

const INTERRUPTED = 0x10;
const TYPES = { noop: 1, error: 2, done: 3, overrun: 4 } as const;
/** struct nlmsghdr: length, type, flags, sequence number, port. */
const HEAD_BYTES = 16;
/** struct genlmsghdr: command, version, two that mean nothing. */
const GENERIC_BYTES = 4;

/** What is asked of a family of generic netlink. */
export interface Request {
  /** The family's number, as {@link familyRequest} finds it out. */
  readonly family: number;
  readonly version: number;
  readonly command: number;
  readonly flags: number;
  /** Answers carry it too. */
  readonly sequence: number;
  readonly attributes: Buffer;
}

/** One message of the kernel's. */
export type Answer =
  | {
      readonly kind: "data";
      readonly sequence: number;
      readonly attributes: Buffer;
      readonly changed: boolean;
    }
  /** The end of a dump; or the answer to a request: 0 where all went well, else an errno. */
  | { readonly kind: "end"; readonly sequence: number; readonly errno: number };

/** A request as it is sent. */
export function encodeRequest({ family, version, command, flags, sequence, attributes }: Request): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + GENERIC_BYTES + attributes.length);
  bytes.fill(0, 0, HEAD_BYTES + GENERIC_BYTES);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(family, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeUInt8(command, HEAD_BYTES);
  bytes.writeUInt8(version, HEAD_BYTES + 1);
  attributes.copy(bytes, HEAD_BYTES + GENERIC_BYTES);
  return bytes;
}

/**
 * The messages of one datagram. What they hold are views of it: it is not to be written to before they are read.
 *
 * @throws NetlinkSyntaxError when it was cut or is none of the kernel's
 */
export function readAnswers(datagram: Buffer): Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  while (at < datagram.length) {
    const left = datagram.length - at;
    const length = left < HEAD_BYTES ? 0 : datagram.readUInt32LE(at);
    if (length < HEAD_BYTES || length > left)
      throw new NetlinkSyntaxError(`a message of ${HEAD_BYTES} to ${left} bytes`, `${length}`);
    const answer = readAnswer(datagram.subarray(at, at + length));
    if (answer) answers.push(answer);
    at += aligned(length);
  }
  return answers;
}

function readAnswer(message: Buffer): Answer | undefined {
  const type = message.readUInt16LE(4);
  const sequence = message.readUInt32LE(8);
  switch (type) {
    case TYPES.noop:
      return undefined;
    case TYPES.overrun:
      throw new NetlinkSyntaxError("all of what it says", "that some is lost");
    case TYPES.error:
    case TYPES.done:
      if (message.length < HEAD_BYTES + 4) throw new NetlinkSyntaxError("an errno", "nothing");
      return { kind: "end", sequence, errno: Math.max(0, -message.readInt32LE(HEAD_BYTES)) };
    default: {
      const from = HEAD_BYTES + GENERIC_BYTES;
      if (message.length < from) throw new NetlinkSyntaxError("a command", "nothing");
      const changed = (message.readUInt16LE(6) & INTERRUPTED) !== 0;
      return { kind: "data", sequence, changed, attributes: message.subarray(from) };
    }
  }
}
