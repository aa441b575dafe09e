import type { Measurement } from "./record";
import type { Passage } from "./relay";

/** What stands on the other side wherever traffic to a director is counted. */
export const BARE_READ = "a bare login and one ipvsadm --save";

/**
 * What a change sent to each director, against a bare login and one read of the table through the same relays. One login
 * each is all there should be; and what the change asks beyond the login at most twice what the bare read asks.
 */
export function trafficOf(
  bench: string,
  ours: readonly Passage[],
  bare: readonly Passage[],
): readonly Measurement[] {
  const both = (key: keyof Passage) => ({
    against: BARE_READ,
    ours: ours.map((passage) => passage[key]),
    peer: bare.map((passage) => passage[key]),
  });
  return [
    { name: `${bench}/logins-each`, unit: "count", ...both("connections"), aim: 1 },
    { name: `${bench}/turns-each`, unit: "count", ...both("turns") },
    { name: `${bench}/bytes-sent-each`, unit: "bytes", ...both("bytesSent") },
    { name: `${bench}/bytes-received-each`, unit: "bytes", ...both("bytesReceived") },
  ];
}
