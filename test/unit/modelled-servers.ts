import { Duplex } from "node:stream";
import type { Dial } from "../../health";

/** Servers at addresses that this machine does not have: all of them take connections, but those that are down. */
export class ModelledServers {
  /** `10.0.0.1:80` */
  readonly down = new Set<string>();
  /** Every server that was dialled. */
  readonly dialled = new Set<string>();

  readonly dial: Dial = async ({ address, port }) => {
    const place = `${address}:${port}`;
    this.dialled.add(place);
    if (this.down.has(place)) throw new Error("cannot connect: ECONNREFUSED");
    return new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  };
}
