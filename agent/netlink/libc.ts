import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

/** What we call of the C library: Node opens no sockets of the kinds that we need. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(socket: number, address: Buffer, length: number): number;
  setsockopt(socket: number, level: number, option: number, value: Buffer, length: number): number;
  send(socket: number, bytes: Buffer, length: number, flags: number): number;
  sendto(
    socket: number,
    bytes: Buffer,
    length: number,
    flags: number,
    address: Buffer,
    addressLength: number,
  ): number;
  recv(socket: number, bytes: Buffer, length: number, flags: number): number;
  close(socket: number): number;
  /** Of the last call that failed. */
  errno(): number;
}

/** koffi's native part for one kind of machine, as the bundle carries it. */
interface Packed {
  /** Of the unpacked file, in hexadecimal. */
  readonly sha256: string;
  /** The file, compressed by brotli, in base64. */
  readonly brotli: string;
}

type Koffi = Pick<typeof import("koffi"), "load" | "errno">;

/** Defined where everything is one file, which then carries koffi's native parts too (setup/bundle.ts). */
declare const HEYE_BUNDLE: true | undefined;
/** A {@link Packed} for each kind of machine (`linux-x64`), as JSON. */
declare const HEYE_NATIVES: string;

/**
 * The C library of this process, by way of koffi.
 *
 * @param folder where koffi's native part is kept; only root may write to it
 * @throws Error: there is none for this machine, or it cannot be kept or loaded here
 */
export async function loadLibc(folder: string): Promise<Libc> {
  const koffi = typeof HEYE_BUNDLE === "undefined" ? (await import("koffi")).default : carried(folder);
  const library = koffi.load(null);
  return {
    socket: library.func("int socket(int family, int type, int protocol)"),
    bind: library.func("int bind(int socket, const void *address, uint32_t length)"),
    setsockopt: library.func(
      "int setsockopt(int socket, int level, int option, const void *value, uint32_t length)",
    ),
    send: library.func("intptr_t send(int socket, const void *bytes, size_t length, int flags)"),
    sendto: library.func(
      "intptr_t sendto(int socket, const void *bytes, size_t length, int flags, const void *address, uint32_t addressLength)",
    ),
    recv: library.func("intptr_t recv(int socket, void *bytes, size_t length, int flags)"),
    close: library.func("int close(int socket)"),
    errno: () => koffi.errno(),
  };
}

/** koffi's native part, which the loader wants as a file. */
function carried(folder: string): Koffi {
  const machine = `${process.platform}-${process.arch}`;
  const natives: ReadonlyMap<string, Packed> = new Map(Object.entries(JSON.parse(HEYE_NATIVES)));
  const packed = natives.get(machine);
  if (!packed) throw new Error(`there is no koffi for ${machine} in this program`);
  const loaded: { exports: Partial<Koffi> } = { exports: {} };
  process.dlopen(loaded, unpacked(join(folder, "koffi.node"), packed));
  const { load, errno } = loaded.exports;
  if (!load || !errno) throw new Error("what was loaded is not koffi");
  return { load, errno };
}

/** Writes the file, unless it is there as it is to be. A loss of power may leave a part of one, and another version is another file. */
function unpacked(file: string, { sha256, brotli }: Packed): string {
  if (digestOf(file) === sha256) return file;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    writeFileSync(draft, brotliDecompressSync(Buffer.from(brotli, "base64")), { mode: 0o600, flag: "wx" });
    if (digestOf(draft) !== sha256) throw new Error(`${draft} is not what it is to be`);
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
  return file;
}

function digestOf(file: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return undefined;
  }
}
