/** What a MySQL server says, byte by byte. */

/** A packet with its head: length and number. */
export function packet(sequence: number, ...parts: (readonly number[] | Uint8Array | string)[]): Buffer {
  const payload = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([payload.length & 0xff, payload.length >> 8, 0, sequence]), payload]);
}

const zeros = (count: number) => new Array<number>(count).fill(0);

/** The salt of {@link greeting}: what a login is encrypted with. */
export const SALT = "saltsaltsaltsaltsalt";

/** How a server begins, and which kind of login it wants. */
export function greeting(plugin: string): Buffer {
  const head = [0, 0, 0xa2, 33, 2, 0, 8, 0, 21];
  return packet(
    0,
    [10],
    "8.0\0",
    zeros(4),
    SALT.slice(0, 8),
    [0],
    head.slice(1),
    zeros(10),
    SALT.slice(8),
    `\0${plugin}\0`,
  );
}

/** "Done." */
export function ok(sequence: number): Buffer {
  return packet(sequence, [0, 0, 0, 2, 0, 0, 0]);
}
