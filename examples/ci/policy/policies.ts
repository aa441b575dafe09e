import type { PolicyResource, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";

const VIRTUAL_SERVER = "pulumi-nodejs:dynamic/heye:VirtualServer";
const REAL_SERVER = "pulumi-nodejs:dynamic/heye:RealServer";

/** What the policies read of a pool's member. Anything may be missing while it is not known yet. */
interface Member {
  readonly address?: string;
  readonly weight?: number;
  readonly healthCheck?: { readonly type?: string };
}

/** No server takes connections that nobody has checked. */
export const serversAreChecked: ResourceValidationPolicy = {
  name: "servers-are-checked",
  description:
    "Every server has a health check: none of its connections goes to a server that nobody has asked.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type !== VIRTUAL_SERVER && type !== REAL_SERVER) return;
    const pool = membersOf(props.realServers);
    if (pool.length === 0 && typeOf(props) === "none") {
      report("healthCheck is `none`: name one (for all but tcp with its port).");
    }
    // A member without a check of its own has the virtual server's.
    for (const member of pool.filter((one) => (typeOf(one) ?? typeOf(props)) === "none")) {
      report(`healthCheck of ${member.address} is \`none\`: name one for it, or for the virtual server.`);
    }
  },
};

/** A pool that lists its servers has one that takes connections. */
export const inlinePoolServes: ResourceValidationPolicy = {
  name: "inline-pool-serves",
  description: "A pool in `realServers` has a server with a weight above 0.",
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }, report) => {
    if (type !== VIRTUAL_SERVER || props.realServers === undefined) return;
    if (isResting(membersOf(props.realServers))) report(NOBODY_SERVES);
  },
};

/** A pool made of RealServer resources has one that takes connections. */
export const separatePoolsServe: StackValidationPolicy = {
  name: "separate-pools-serve",
  description: "A pool of RealServer resources has one with a weight above 0.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }, report) => {
    for (const server of resources.filter(({ type }) => type === VIRTUAL_SERVER)) {
      if (server.props.realServers !== undefined) continue;
      const members = resources.filter((one) => one.type === REAL_SERVER && isIn(one, server));
      if (isResting(members.map(({ props }) => props))) report(NOBODY_SERVES, server.urn);
    }
  },
};

const NOBODY_SERVES = "no server of this pool has a weight above 0: every connection would be refused.";

function isResting(members: readonly Member[]): boolean {
  return members.every(({ weight = 1 }) => weight === 0);
}

function membersOf(realServers: unknown): Member[] {
  return Array.isArray(realServers) ? realServers : [];
}

function typeOf({ healthCheck }: { healthCheck?: { type?: string } }): string | undefined {
  return healthCheck?.type;
}

/** A RealServer names its virtual server by what clients ask for. */
function isIn(member: PolicyResource, server: PolicyResource): boolean {
  const outer = member.props.virtualServer ?? {};
  return ["protocol", "address", "port", "fwmark", "family"].every((key) => outer[key] === server.props[key]);
}
