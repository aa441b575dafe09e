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

/** "No", with a reason. */
export function refusal(sequence: number, code: number, reason: string): Buffer {
  return packet(sequence, [0xff, code & 0xff, code >> 8], `#42000${reason}`);
}

/** A table of texts, as the answer to a query; null is NULL. */
export function table(columns: readonly string[], ...rows: readonly (readonly (string | null)[])[]): Buffer {
  const end = [0xfe, 0, 0, 2, 0];
  const payloads = [
    [columns.length],
    ...columns.map((name) => [...text("def"), 0, 0, 0, ...text(name), 0, ...COLUMN_OF_TEXT]),
    end,
    ...rows.map((row) => row.flatMap((cell) => (cell === null ? [0xfb] : text(cell)))),
    end,
  ];
  return Buffer.concat(payloads.map((payload, index) => packet(index + 1, payload)));
}

/** With its length before it. */
const text = (words: string) => [words.length, ...Buffer.from(words)];

/** UTF-8, as long as it likes, VAR_STRING. */
const COLUMN_OF_TEXT = [0x0c, 33, 0, 255, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0];
