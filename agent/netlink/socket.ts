import { ERRNO } from "../../ipvs/netlink";
import type { Libc } from "./libc";
import { SystemError } from "./system-error";

/** AF_NETLINK, NETLINK_GENERIC, SOCK_RAW | SOCK_CLOEXEC. */
const SOCKET = { family: 16, type: 0x8_0003, protocol: 16 } as const;
/** struct sockaddr_nl: the kernel chooses our number. */
const ANY_ADDRESS_BYTES = 12;
const SOL_SOCKET = 1;
/** SO_SNDBUFFORCE and SO_RCVBUFFORCE: beyond what the system allows those who are not root. */
const BUFFERS = [32, 33] as const;
const BUFFER_BYTES = 2 ** 20;
/** MSG_DONTWAIT, and MSG_TRUNC: how long a datagram was, though it be longer than the room for it. */
const [DONT_WAIT, TRUNC] = [0x40, 0x20];
/** The kernel makes none longer than 32 KiB. */
const DATAGRAM_BYTES = 2 ** 16;

/** A way to the kernel and back: datagrams of netlink. */
export interface Channel {
  /** @throws SystemError */
  send(bytes: Buffer): void;
  /**
   * The next datagram; undefined: there is none. It is to be read before the next one is asked for.
   *
   * @throws SystemError: ENOBUFS where some were lost
   */
  receive(): Buffer | undefined;
  close(): void;
}

/** What a socket receives into. All is done in one turn of the event loop between asking and reading. */
const room = Buffer.alloc(DATAGRAM_BYTES);

/**
 * A socket of generic netlink. Nothing here waits: the kernel does what a request says before `send` returns, and has
 * answered by then.
 */
export class NetlinkSocket implements Channel {
  readonly #socket: number;

  /** @throws SystemError */
  constructor(private readonly libc: Libc) {
    this.#socket = libc.socket(SOCKET.family, SOCKET.type, SOCKET.protocol);
    if (this.#socket < 0) throw new SystemError("socket", libc.errno());
    const address = Buffer.alloc(ANY_ADDRESS_BYTES);
    address.writeUInt16LE(SOCKET.family);
    if (libc.bind(this.#socket, address, address.length) < 0) {
      const errno = libc.errno();
      this.close();
      throw new SystemError("bind", errno);
    }
    const size = Buffer.alloc(4);
    size.writeUInt32LE(BUFFER_BYTES);
    // Without the privilege for it the buffers stay as they are; a batch that does not fit into them is told of then.
    for (const option of BUFFERS) libc.setsockopt(this.#socket, SOL_SOCKET, option, size, size.length);
  }

  send(bytes: Buffer): void {
    while (this.libc.send(this.#socket, bytes, bytes.length, DONT_WAIT) < 0) {
      const errno = this.libc.errno();
      if (errno !== ERRNO.EINTR) throw new SystemError("send", errno);
    }
  }

  receive(): Buffer | undefined {
    for (;;) {
      const length = this.libc.recv(this.#socket, room, room.length, DONT_WAIT | TRUNC);
      if (length > room.length) throw new SystemError("recv", ERRNO.EMSGSIZE);
      if (length >= 0) return room.subarray(0, length);
      const errno = this.libc.errno();
      if (errno === ERRNO.EAGAIN) return undefined;
      if (errno !== ERRNO.EINTR) throw new SystemError("recv", errno);
    }
  }

  close(): void {
    this.libc.close(this.#socket);
  }
}
