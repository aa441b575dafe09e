import { effectiveWeight, type Member, type Registration } from "../../director/data";
import { type Candidate, destinationKey, type Limits, type Service, serviceKey } from "../../ipvs";
import { realServerKey } from "../../spec";

/**
 * The destinations of a service as its scheduler sees them: in the kernel's order, with the weights that the kernel has, and
 * the last ones that were not 0. The kernel tells those of nobody; they follow from what is declared, as a director that is
 * filled anew would get them.
 *
 * @param order the kernel's; destinations that it does not name come last
 */
export function candidatesOf(
  service: Service,
  registration: Registration | undefined,
  order: Limits,
): Candidate[] {
  const places = new Map([...(order.get(serviceKey(service))?.keys() ?? [])].map((key, at) => [key, at]));
  const members = new Map((registration?.members ?? []).map((one) => [realServerKey(one), one]));
  const placeOf = (key: string) => places.get(key) ?? places.size;
  return service.destinations
    .map(({ address, port, weight }): Candidate => {
      const destination = destinationKey({ address, port });
      const lastWeight = weight > 0 ? weight : lastWeightOf(members.get(destination));
      return { destination, address, port, weight, lastWeight };
    })
    .sort((a, b) => placeOf(a.destination) - placeOf(b.destination));
}

/** Of a server that is at weight 0. One that is out because of its health had what is declared. */
function lastWeightOf(member: Member | undefined): number {
  if (!member) return 0;
  return member.lastWeight ?? (member.draining ? member.weight : effectiveWeight(member));
}
