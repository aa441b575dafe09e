import type { VirtualServer } from "../../spec";
import { CLAIMS, LOAD_BALANCER_FINALIZER } from "../../spec/kubernetes";
import { canonical } from "../canonical";
import { ANNOTATION } from "../names";
import { writeStatus } from "../status";
import { nameOf } from "../subject";
import { type Allotment, allot, type NamedPool } from "./addresses";
import { addressOfId, type Claims, claimedAddresses, writeClaims } from "./claims";
import type { BalancedNode, BalancedService, ServingSlice } from "./service";
import { type ReadVirtualServer, virtualServersOf } from "./virtual-servers";

/**
 * What a director has under an id: a virtual server of its API in normal form, `foreign`, one that the API may not change,
 * `absent`, or `unknown` while nobody can say.
 */
export type Held = VirtualServer | "foreign" | "absent" | "unknown";

/** What directors are known to have, by their names. */
export type Directors = ReadonlyMap<string, (id: string) => Held>;

/** Everything that is known of a cluster and its directors. */
export interface World {
  readonly services: readonly BalancedService[];
  readonly slices: readonly ServingSlice[];
  readonly nodes: readonly BalancedNode[];
  readonly pools: readonly NamedPool[];
  readonly directors: Directors;
  /** Addresses of what directors have, ours and that of others. */
  readonly used: ReadonlySet<string>;
  /** Whether all directors were asked what they have; until then nobody knows which addresses are free. Default: they were. */
  readonly mayGive?: boolean;
  /** The addresses of the last plan, by uid. */
  readonly before: ReadonlyMap<string, readonly string[]>;
}

/** What is to become of one Service. */
export interface ServicePlan {
  readonly service: BalancedService;
  readonly addresses: readonly string[];
  /** By id; undefined: it stays as it stands. */
  readonly wanted: ReadonlyMap<string, VirtualServer | undefined>;
  readonly claims: Claims;
  /** Sentences for whoever looks at the Service. */
  readonly problems: readonly string[];
}

/** What is to become of every Service that concerns directors, by its name. */
export function plansOf(world: World, read?: ReadVirtualServer): ReadonlyMap<string, ServicePlan> {
  const { services, nodes, pools, directors, before } = world;
  const ours = new Set(services.flatMap(({ claims }) => claimedAddresses(claims)));
  const taken = new Set([...world.used].filter((one) => !ours.has(one)));
  const allotments = allot({ services, pools, before, taken, mayGive: world.mayGive });
  const slicesOf = new Map<string, ServingSlice[]>();
  for (const slice of world.slices)
    slicesOf.set(slice.service, [...(slicesOf.get(slice.service) ?? []), slice]);
  return new Map(
    services.map((service) => {
      const name = nameOf(service);
      const allotment = allotments.get(service.uid);
      const backing = { slices: slicesOf.get(name) ?? [], nodes };
      return [name, planOf(service, allotment, backing, directors, read)] as const;
    }),
  );
}

function planOf(
  service: BalancedService,
  { addresses, problems }: Allotment = { addresses: [], problems: [] },
  backing: Pick<World, "slices" | "nodes">,
  directors: Directors,
  read: ReadVirtualServer | undefined,
): ServicePlan {
  const { servers: wanted, problems: found } = virtualServersOf(service, addresses, backing, read);
  const said = service.isServed ? [...problems, ...found] : [];
  const claims: Record<string, string[]> = {};
  for (const id of new Set([...wanted.keys(), ...Object.keys(service.claims)])) {
    const before = service.claims[id] ?? [];
    // One that is not among the directors any more is out of reach, or called otherwise now.
    const lost = before.filter((director) => !directors.has(director));
    const there = [...directors].flatMap(([director, heldBy]) => {
      const held = heldBy(id);
      // An unknown one may still have it.
      if (held !== "foreign" && before.includes(director))
        return wanted.has(id) || held !== "absent" ? [director] : [];
      if (held === "unknown") return [];
      // What stands there of ours, by the name that the director had before.
      if (lost.length > 0 && held !== "absent" && held !== "foreign") return [director];
      const body = wanted.get(id);
      if (body === undefined) return [];
      if (held === "absent" || (held !== "foreign" && isSame(held, body))) return [director];
      said.push(
        `${director} has another virtual server ${id}, which somebody else has declared: delete it there`,
      );
      return [];
    });
    const isUnknown = [...directors.values()].some((heldBy) => heldBy(id) === "unknown");
    claims[id] = wanted.has(id) && isUnknown ? [...there, ...lost] : there;
  }
  return { service, addresses, wanted, claims, problems: said };
}

/** Whether two virtual servers in normal form are the same. */
export function isSame(one: VirtualServer, other: VirtualServer): boolean {
  return canonical(one) === canonical(other);
}

/** A write of a Service. */
export interface ServiceWrite {
  /** Empty, or `status`. */
  readonly subresource: "" | "status";
  /** A JSON merge patch that is refused if the Service has changed since it was read. */
  readonly patch: unknown;
}

/**
 * The next write that a Service needs; undefined: none. Its finalizer and claims come before its address, and its address
 * is taken back before they go.
 */
export function serviceWrite({
  service,
  addresses,
  claims,
  problems,
}: ServicePlan): ServiceWrite | undefined {
  const { resourceVersion, isServed, annotations, finalizers, told } = service;
  const status = (ips: readonly string[]): ServiceWrite => ({
    subresource: "status",
    patch: {
      metadata: { resourceVersion },
      status: { loadBalancer: { ingress: ips.length === 0 ? null : ips.map((ip) => ({ ip })) } },
    },
  });
  const claimed = Object.keys(service.claims).map(addressOfId);
  // What a status tells besides may be another class's by now.
  if (!isServed && told.some((one) => claimed.includes(one)))
    return status(told.filter((one) => !claimed.includes(one)));
  const claimsText = writeClaims(claims);
  const wanted = {
    [CLAIMS]: claimsText,
    [ANNOTATION.status]: writeStatus({ out: {}, problems }),
  };
  const stays = isServed || claimsText !== undefined;
  const kept = finalizers.filter((one) => one !== LOAD_BALANCER_FINALIZER);
  const isMarked = finalizers.includes(LOAD_BALANCER_FINALIZER);
  const changed = Object.entries(wanted).filter(([name, text]) => annotations[name] !== text);
  if (changed.length > 0 || isMarked !== stays) {
    const texts = Object.fromEntries(changed.map(([name, text]) => [name, text ?? null]));
    const metadata = {
      resourceVersion,
      ...(changed.length > 0 && { annotations: texts }),
      ...(isMarked !== stays && { finalizers: stays ? [...kept, LOAD_BALANCER_FINALIZER] : kept }),
    };
    return { subresource: "", patch: { metadata } };
  }
  const isTold = canonical([...told].sort()) === canonical([...addresses].sort());
  return isServed && addresses.length > 0 && !isTold ? status(addresses) : undefined;
}
