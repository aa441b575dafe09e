/**
 * The few system calls that Node does not offer: namespaces and mounts.
 *
 * They act on the calling thread. All of the world's building is done on the main thread, in synchronous stretches,
 * and each stretch puts the thread back where it was (see spaces.ts): nothing asynchronous ever runs inside a
 * foreign namespace.
 */

import { closeSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import koffi from "koffi";

/** Flags of unshare(2) and setns(2). */
export const CLONE = {
  fs: 0x00000200,
  mount: 0x00020000,
  uts: 0x04000000,
  pid: 0x20000000,
  net: 0x40000000,
} as const;

const MS = { bind: 4096, recursive: 16384, readOnly: 1, remount: 32 } as const;
const MNT_DETACH = 2;
const SYS_PIVOT_ROOT: { readonly [arch: string]: number } = { x64: 155, arm64: 41 };

const libc = koffi.load("libc.so.6");
const functions = {
  unshare: libc.func("int unshare(int flags)"),
  setns: libc.func("int setns(int fd, int kind)"),
  mount: libc.func("int mount(str source, str target, str kind, unsigned long flags, str data)"),
  umount2: libc.func("int umount2(str target, int flags)"),
  socket: libc.func("int socket(int domain, int kind, int protocol)"),
  sethostname: libc.func("int sethostname(str name, size_t length)"),
  getsockopt: libc.func("int getsockopt(int fd, int level, int option, void *value, _Inout_ uint32_t *size)"),
  setsockopt: libc.func("int setsockopt(int fd, int level, int option, void *value, uint32_t size)"),
  setxattr: libc.func("int setxattr(str path, str name, str value, size_t size, int flags)"),
  pivot: libc.func("long syscall(long number, str root, str old)"),
};

/** A system call failed. `code` is the errno name. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  constructor(
    call: string,
    readonly code: string,
  ) {
    super(`${call}: ${code}`);
  }
}

function check(result: number, call: string): void {
  if (Number(result) >= 0) return;
  const errno = koffi.errno();
  throw new SystemCallError(call, getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`);
}

/** unshare(2) for this thread; `flags` from CLONE. */
export function unshare(flags: number): void {
  check(functions.unshare(flags), `unshare(0x${flags.toString(16)})`);
}

/** setns(2) for this thread: enter the namespace behind the open file `fd`; `kind` from CLONE. */
export function setns(fd: number, kind: number): void {
  check(functions.setns(fd, kind), `setns(0x${kind.toString(16)})`);
}

/** Mounts a file system of type `kind`. */
export function mount(kind: string, target: string, data = ""): void {
  check(functions.mount(kind, target, kind, 0, data), `mount ${kind} on ${target}`);
}

/** Lays `lower` trees, the first on top, on `target`. With nothing above them nobody can write there. */
export function overlayReadOnly(target: string, lower: readonly string[]): void {
  const data = `lowerdir=${lower.join(":")}`;
  check(functions.mount("overlay", target, "overlay", MS.readOnly, data), `mount overlay on ${target}`);
}

/** Bind-mounts `source` on `target`, with what is mounted below it. */
export function bind(source: string, target: string): void {
  check(functions.mount(source, target, null, MS.bind | MS.recursive, null), `bind ${source} on ${target}`);
}

/** As {@link bind}, for reading only. */
export function bindReadOnly(source: string, target: string): void {
  bind(source, target);
  const flags = MS.bind | MS.remount | MS.readOnly;
  check(functions.mount(null, target, null, flags, null), `remount ${target} read-only`);
}

/** Takes away what is mounted on `target`, as soon as nobody uses it. */
export function detach(target: string): void {
  check(functions.umount2(target, MNT_DETACH), `umount of ${target}`);
}

/** Lets a folder of an overlay's tree hide the folder of the same name in the trees below, instead of adding to it. */
export function makeOpaque(folder: string): void {
  check(functions.setxattr(folder, "trusted.overlay.opaque", "y", 1, 0), `opaque ${folder}`);
}

/** Makes `root` this mount namespace's root and lets go of the old one. */
export function pivotInto(root: string): void {
  const number = SYS_PIVOT_ROOT[process.arch];
  if (number === undefined) throw new SystemCallError(`pivot_root on ${process.arch}`, "ENOSYS");
  process.chdir(root);
  check(functions.pivot(number, ".", "."), `pivot_root ${root}`);
  // The old root is stacked on the new one now; what is detached here is the old one.
  detach(".");
  process.chdir("/");
}

/** A netlink socket for links and routes of the current network, as a file descriptor to write to and read from. */
export function netlinkRouteSocket(): number {
  const [netlink, raw, route] = [16, 3, 0];
  const fd: number = functions.socket(netlink, raw, route);
  check(fd, "socket(AF_NETLINK)");
  return fd;
}

/** A raw socket of a family (AF_INET, AF_INET6), whose options reach the tables of iptables. */
export function openRawSocket(domain: number): { readonly fd: number; close(): void } {
  const [raw, protocol] = [3, 255];
  const fd: number = functions.socket(domain, raw, protocol);
  check(fd, `socket(${domain}, SOCK_RAW)`);
  return { fd, close: () => closeSync(fd) };
}

/** getsockopt(2) with a value that is a question, too. Returns the answer, in the same place. */
export function readOption(fd: number, level: number, option: number, value: Buffer): Buffer {
  const size: [number] = [value.length];
  check(functions.getsockopt(fd, level, option, value, size), `getsockopt(${level}, ${option})`);
  return value.subarray(0, size[0]);
}

/** setsockopt(2) with a value that holds the address of another buffer. */
export function writeOption(
  fd: number,
  level: number,
  option: number,
  value: Buffer,
  pointer: { readonly at: number; readonly buffer: Buffer },
): void {
  value.writeBigUInt64LE(koffi.address(pointer.buffer), pointer.at);
  check(functions.setsockopt(fd, level, option, value, value.length), `setsockopt(${level}, ${option})`);
}

/** Sets the host name of this UTS namespace. */
export function setHostName(name: string): void {
  check(functions.sethostname(name, Buffer.byteLength(name)), `sethostname ${name}`);
}
