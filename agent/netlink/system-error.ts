import { errnoText } from "../../ipvs/netlink";

/** A system call failed. */
export class SystemError extends Error {
  override readonly name = "SystemError";

  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    super(`${call}: ${errnoText(errno)}`);
  }
}
