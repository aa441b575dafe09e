/** The virtual servers of a bench, as its programs declare them and as its peers write them. */
export interface Plan {
  readonly virtualServers: number;
  /** Real servers behind each. */
  readonly servers: number;
}

/** A virtual server of a plan. */
export interface PlannedService {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly members: readonly { readonly name: string; readonly address: string; readonly port: number }[];
}

const PORT = 80;

/** All virtual servers of a plan, each with real servers of its own. */
export function servicesOf({ virtualServers, servers }: Plan): PlannedService[] {
  return upTo(virtualServers).map((service) => ({
    name: `vs${service}`,
    address: `10.200.${service >> 8}.${service & 255}`,
    port: PORT,
    members: upTo(servers).map((member) => ({
      name: `vs${service}-rs${member}`,
      address: `10.${100 + member}.${service >> 8}.${service & 255}`,
      port: PORT,
    })),
  }));
}

/** The same as lines for `ipvsadm --restore`: round robin by weight, NAT, every weight 1. */
export function rulesOf(plan: Plan): string[] {
  return servicesOf(plan).flatMap(({ address, port, members }) => [
    `-A -t ${address}:${port} -s wrr`,
    ...members.map((member) => `-a -t ${address}:${port} -r ${member.address}:${member.port} -m -w 1`),
  ]);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
