import type { HealthCheckOf } from "../spec";
import type { Checker } from "./checker";

/** A completed TCP handshake is alive. */
export const tcpChecker: Checker<HealthCheckOf<"tcp">> = {
  async check(_settings, target, dial, signal) {
    const stream = await dial(target, signal);
    stream.destroy();
    return "accepted a connection";
  },
};
