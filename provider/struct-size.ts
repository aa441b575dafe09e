/** How long plain JSON is as a `google.protobuf.Struct`, in bytes: what Pulumi sends properties as. */
export function structBytes(value: Readonly<Record<string, unknown>>): number {
  return sum(
    Object.entries(value).map(([key, one]) => field(field(Buffer.byteLength(key)) + field(valueBytes(one)))),
  );
}

/** The oneof of a `google.protobuf.Value`. */
function valueBytes(value: unknown): number {
  if (typeof value === "number") return 9;
  if (typeof value === "string") return field(Buffer.byteLength(value));
  if (Array.isArray(value)) return field(sum(value.map((one) => field(valueBytes(one)))));
  if (typeof value === "object" && value !== null)
    return field(structBytes(value as Readonly<Record<string, unknown>>));
  return 2;
}

/** A field with its tag and its length. */
function field(bytes: number): number {
  return 1 + varint(bytes) + bytes;
}

function varint(value: number): number {
  return value < 128 ? 1 : 1 + varint(Math.floor(value / 128));
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
