import {
  type Destination,
  destinationKey,
  type Edit,
  readDestinationExtra,
  type Service,
  serviceKey,
  type Table,
} from "../../ipvs";
import { readServiceExtra } from "./service-options";

/** What ipvsadm or the kernel would refuse. */
export class RefusedByKernelError extends Error {}

/** A model of the kernel's table: takes one edit as IPVS would, and complains where ipvsadm or IPVS would. */
export function applyEdit(table: Table, edit: Edit): Table {
  const key = serviceKey(edit.service);
  const found = table.find((service) => serviceKey(service) === key);
  refuseIf((edit.kind === "add-service") === (found !== undefined), `${edit.kind} ${key}`);
  if (edit.kind === "delete-service") return table.filter((service) => service !== found);
  if (edit.kind === "add-service" || edit.kind === "edit-service") refuseService(edit.service);
  if (!found) return [...table, { ...edit.service, destinations: [] }];
  if (edit.kind === "add-destination" || edit.kind === "edit-destination")
    refuseDestination(found, edit.destination);
  const next =
    "destination" in edit
      ? { ...found, destinations: applyToPool(found.destinations, edit.kind, edit.destination) }
      : { ...edit.service, destinations: found.destinations };
  return table.map((service): Service => (service === found ? next : service));
}

function applyToPool(pool: readonly Destination[], kind: Edit["kind"], one: Destination): Destination[] {
  const key = destinationKey(one);
  const there = pool.some((other) => destinationKey(other) === key);
  refuseIf((kind === "add-destination") === there, `${kind} ${key}`);
  const others = pool.filter((other) => destinationKey(other) !== key);
  return kind === "delete-destination"
    ? others
    : kind === "add-destination"
      ? [one, ...others]
      : pool.map((other) => (destinationKey(other) === key ? one : other));
}

/** ipvsadm.c, process_options; net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_add_service and ip_vs_edit_service. */
function refuseService(service: Service): void {
  const bits = isIPv6(service) ? 128 : 32;
  const { persistence, onePacket } = readServiceExtra(service.extra, bits);
  const { protocol, port } = service;
  const length = persistence?.prefixLength ?? bits;
  const isEveryPort = protocol !== "fwmark" && port === 0;
  refuseIf(isEveryPort && !persistence, "zero port for a service that is not persistent");
  refuseIf(!!onePacket && protocol !== "udp" && protocol !== "fwmark", `one packet with ${protocol}`);
  refuseIf(bits === 128 && (length < 1 || length > 128), `a prefix of ${length} bits`);
}

/** ip_vs_ctl.c, ip_vs_add_dest, ip_vs_edit_dest and ip_vs_genl_set_cmd. */
function refuseDestination(service: Service, destination: Destination): void {
  const { address, method, weight, extra } = destination;
  const { upper = 0, lower = 0 } = destination.thresholds ?? {};
  const { tunnel } = readDestinationExtra(extra);
  const isMixed = isIPv6(service) !== address.includes(":");
  refuseIf(isMixed && method !== "tun", `${method} between the families`);
  refuseIf(!(weight >= 0 && weight < 2 ** 31), `weight ${weight}`);
  refuseIf(lower > upper, `a lower threshold of ${lower} above ${upper}`);
  refuseIf(tunnel?.type === "gue" && !tunnel.port, "gue without a port");
}

function isIPv6({ protocol, address }: Service): boolean {
  return protocol === "fwmark" ? address.endsWith(" -6") : address.includes(":");
}

function refuseIf(condition: boolean, what: string): void {
  if (condition) throw new RefusedByKernelError(what);
}
