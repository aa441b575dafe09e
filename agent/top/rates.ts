import type { ServiceTraffic, Traffic } from "../../ipvs";

/** What was carried up to a moment. */
export interface Reading {
  /** By a clock that nobody sets, in milliseconds. */
  readonly atMs: number;
  readonly traffic: readonly ServiceTraffic[];
}

/** A virtual server, or one real server of it, in a span of time. All rates are per second. */
export interface Rates extends Traffic {
  /** `tcp 192.0.2.1:80` */
  readonly service: string;
  /** `10.0.0.1:80`; absent: the virtual server as a whole. */
  readonly server?: string;
  /** Connections as they are at the end of the span. */
  readonly active: number;
  readonly inactive: number;
}

const NOTHING: Traffic = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };

/** Rates between two readings: each virtual server, followed by its servers. What was not there before began with nothing. */
export function ratesOf(before: Reading, after: Reading): Rates[] {
  const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000);
  const known = new Map(before.traffic.map((one) => [one.service, one]));
  return after.traffic.flatMap((service) => {
    const old = known.get(service.service);
    const servers = new Map(old?.destinations.map((one) => [one.destination, one]));
    const pool = service.destinations.map((one): Rates => {
      const { destination: server, active, inactive } = one;
      return {
        service: service.service,
        server,
        active,
        inactive,
        ...rate(servers.get(server), one, seconds),
      };
    });
    const [active, inactive] = [sum(pool, "active"), sum(pool, "inactive")];
    return [{ service: service.service, active, inactive, ...rate(old, service, seconds) }, ...pool];
  });
}

/** What several directors carry of the same, together. */
export function together(all: readonly (readonly Rates[])[]): Rates[] {
  const sums = new Map<string, Rates>();
  for (const one of all.flat()) {
    const key = `${one.service} ${one.server ?? ""}`;
    const other = sums.get(key);
    sums.set(key, other ? added(other, one) : one);
  }
  return [...sums.values()];
}

function added(a: Rates, b: Rates): Rates {
  return {
    ...a,
    connections: a.connections + b.connections,
    packetsIn: a.packetsIn + b.packetsIn,
    packetsOut: a.packetsOut + b.packetsOut,
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    active: a.active + b.active,
    inactive: a.inactive + b.inactive,
  };
}

/** A counter that is lower than it was began anew. */
function rate(before: Traffic = NOTHING, after: Traffic, seconds: number): Traffic {
  const per = (what: keyof Traffic) =>
    (after[what] >= before[what] ? after[what] - before[what] : after[what]) / seconds;
  return {
    connections: per("connections"),
    packetsIn: per("packetsIn"),
    packetsOut: per("packetsOut"),
    bytesIn: per("bytesIn"),
    bytesOut: per("bytesOut"),
  };
}

function sum(pool: readonly Rates[], what: "active" | "inactive"): number {
  return pool.reduce((total, one) => total + one[what], 0);
}
