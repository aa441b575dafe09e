/** Bytes that the kernel would not have sent. */
export class NetlinkSyntaxError extends Error {
  override readonly name = "NetlinkSyntaxError";

  constructor(expected: string, found: string) {
    super(`an answer of the kernel over netlink: expected ${expected}, found ${found}`);
  }
}
