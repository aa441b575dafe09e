import * as fc from "fast-check";
import {
  type Destination,
  type DestinationOptions,
  destinationExtra,
  destinationKey,
  type Service,
  type ServiceOptions,
  serviceExtra,
  serviceKey,
  type Table,
  type Thresholds,
} from "../../ipvs";
import { SCHEDULER_FLAGS, SCHEDULERS } from "../../spec";

const PLAIN = { noNullPrototype: true };
const MARK_MAX = 2 ** 32 - 1;
type Family = "ipv4" | "ipv6";
const ADDRESSES: Record<Family, readonly string[]> = {
  ipv4: ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
  ipv6: ["fd00::1", "fd00::2"],
};

/** Tunnels that IPVS takes; ipip has nothing to choose and is what a server without this has. */
const tunnel: fc.Arbitrary<NonNullable<DestinationOptions["tunnel"]>> = fc.oneof(
  fc.record(
    {
      type: fc.constant("gue"),
      port: fc.constantFrom(1, 6080, 65_535),
      checksum: fc.constantFrom("none" as const, "normal" as const, "remote" as const),
    },
    PLAIN,
  ),
  fc.record(
    { type: fc.constant("gre"), checksum: fc.constantFrom("none" as const, "normal" as const) },
    PLAIN,
  ),
);

/** Tunnels, in the one form in which they are read back. */
export const destinationOptions: fc.Arbitrary<DestinationOptions> = fc.record(
  { tunnel },
  { ...PLAIN, requiredKeys: [] },
);

/** Thresholds that IPVS takes: the lower one is not above the upper one. */
const thresholds: fc.Arbitrary<Thresholds> = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.constantFrom(0, 0.1, 0.75, 1))
  .map(([upper, share]) => ({ upper, lower: Math.ceil(upper * share) }));

/** Options that IPVS takes for a service of this protocol, in the one form in which they are read back. */
export function serviceOptions(protocol: Service["protocol"], bits: number): fc.Arbitrary<ServiceOptions> {
  const speaksSip = protocol === "udp" || protocol === "fwmark";
  const persistence = fc
    .record(
      {
        timeoutS: fc.constantFrom(1, 300, 31 * 86_400),
        prefixLength: fc.oneof(fc.constant(bits), fc.integer({ min: 1, max: bits })),
        engine: fc.constant("sip"),
      },
      { ...PLAIN, requiredKeys: ["timeoutS", "prefixLength"] },
    )
    .map(({ engine, ...rest }) => ({ ...rest, ...(speaksSip && engine && { engine }) }));
  return fc
    .record(
      {
        persistence,
        onePacket: fc.constant(true as const),
        flags: fc.subarray([...SCHEDULER_FLAGS], { minLength: 1 }),
      },
      { ...PLAIN, requiredKeys: [] },
    )
    .map(({ onePacket, ...rest }) => ({ ...rest, ...(speaksSip && onePacket && { onePacket }) }));
}

function destinations(family: Family): fc.Arbitrary<Destination[]> {
  const one = fc
    .record({
      family: fc.constantFrom<Family>("ipv4", "ipv6"),
      host: fc.nat(),
      port: fc.constantFrom(0, 1, 2, 65_535),
      method: fc.constantFrom("nat" as const, "dr" as const, "tun" as const),
      weight: fc.constantFrom(0, 1, 1, 5, 65_535),
      options: destinationOptions,
      limits: fc.option(thresholds, { nil: undefined }),
    })
    .map(({ family: wanted, host, port, method, weight, options, limits }) => {
      const hosts = ADDRESSES[method === "tun" ? wanted : family];
      const extra = destinationExtra(method === "tun" ? options : {});
      const address = hosts[host % hosts.length] ?? "";
      return { address, port, method, weight, extra, ...(limits && { thresholds: limits }) };
    });
  return fc.uniqueArray(one, { selector: destinationKey, maxLength: 5 });
}

function service(protocol: Service["protocol"], family: Family): fc.Arbitrary<Service> {
  const bits = family === "ipv4" ? 32 : 128;
  const address =
    protocol === "fwmark"
      ? fc.constantFrom(1, 7, MARK_MAX).map((mark) => (family === "ipv4" ? `${mark}` : `${mark} -6`))
      : fc.constantFrom(...(family === "ipv4" ? ["192.0.2.1", "192.0.2.2"] : ["2001:db8::1"]));
  return fc
    .record({
      address,
      port: protocol === "fwmark" ? fc.constant(0) : fc.constantFrom(0, 80, 81),
      scheduler: fc.constantFrom(...SCHEDULERS),
      options: serviceOptions(protocol, bits),
      destinations: destinations(family),
    })
    .map(({ options, ...rest }) => {
      const isEveryPort = protocol !== "fwmark" && rest.port === 0;
      const persistence = options.persistence ?? { timeoutS: 300, prefixLength: bits };
      const flags = options.flags?.filter((flag) => flag.startsWith(`${rest.scheduler}-`));
      const all = { ...options, flags, ...(isEveryPort && { persistence }) };
      const { scheduler, destinations: pool, ...id } = rest;
      return { protocol, ...id, scheduler, extra: serviceExtra(all, bits), destinations: pool };
    });
}

/** One service with any options that IPVS takes together. */
export const anyService: fc.Arbitrary<Service> = fc
  .tuple(
    fc.constantFrom("tcp" as const, "udp" as const, "sctp" as const, "fwmark" as const),
    fc.constantFrom<Family>("ipv4", "ipv6"),
  )
  .chain(([protocol, family]) => service(protocol, family));

/** A table that IPVS can hold. Few identities, so that two tables have some in common. */
export const anyTable: fc.Arbitrary<Table> = fc.uniqueArray(anyService, {
  selector: serviceKey,
  maxLength: 6,
});

/** Two tables that share services and servers under other settings, as before and after a change. */
export const anyTwoTables: fc.Arbitrary<[Table, Table]> = fc
  .tuple(anyTable, anyTable, fc.array(fc.nat({ max: 3 }), { maxLength: 6 }))
  .map(([actual, other, choices]) => {
    const taken = new Set(other.map(serviceKey));
    const kept = actual
      .filter((one, index) => choices[index] && !taken.has(serviceKey(one)))
      .map((one, index) => ({ ...one, destinations: one.destinations.slice(choices[index] === 1 ? 1 : 0) }));
    return [actual, [...other, ...kept]];
  });

/** A table as the kernel tells it: nobody has asked for thresholds, and what a server weighed before is not told. */
export function saved(table: Table): Table {
  return changed(table, ({ thresholds: _, lastWeight: __, ...one }) => one);
}

/** The same table with some of the servers at weight 0 wanted as elsewhere, where they had another weight before. */
export function remembering(table: Table): Table {
  return changed(table, (one, index) =>
    one.weight === 0 && index % 2 === 0 ? { ...one, lastWeight: 3 } : one,
  );
}

/** The same table without what servers weighed before, which nobody can read. */
export function forgetting(table: Table): Table {
  return changed(table, ({ lastWeight: _, ...one }) => one);
}

function changed(table: Table, change: (one: Destination, index: number) => Destination): Table {
  return table.map((service) => ({ ...service, destinations: service.destinations.map(change) }));
}
