/** What etcd's members tell of themselves, and what of it something has cost: pure functions. */

/** What etcd has been asked for since its members started. */
export interface EtcdCounts {
  /** Keys written, each counted once though every member writes it. */
  readonly puts: number;
  /** What its clients sent and were sent, by all members. */
  readonly bytes: number;
}

const BYTES = [
  "etcd_network_client_grpc_received_bytes_total",
  "etcd_network_client_grpc_sent_bytes_total",
] as const;

/** Adds up what members answered on /metrics. Throws Error where a counter is missing. */
export function countsOf(members: readonly string[]): EtcdCounts {
  const bytes = members.flatMap((text) => BYTES.map((name) => counter(text, name)));
  return {
    // One that was behind has yet to write them.
    puts: Math.max(...members.map((text) => counter(text, "etcd_mvcc_put_total"))),
    bytes: bytes.reduce((sum, one) => sum + one, 0),
  };
}

function counter(text: string, name: string): number {
  const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`etcd does not tell ${name}`);
  return Number(value);
}

/** Counts over a time. */
export interface Counted extends EtcdCounts {
  readonly s: number;
}

/** What each of some events cost, what goes on all the time taken off. */
export function costEach(busy: Counted, idle: Counted, events: number): EtcdCounts {
  const each = (key: keyof EtcdCounts) => (busy[key] - (idle[key] / idle.s) * busy.s) / events;
  return { puts: Math.max(0, each("puts")), bytes: Math.max(0, each("bytes")) };
}
