/** What is declared in a walk, and what a kernel has to hold then: worked out without any code of the agent's. */
import type { Member, Registration } from "../../director";
import { type HealthCheck, healthCheck } from "../../spec";
import { SERVERS, type WalkScheduler } from "./agent-walk-schedule";

/** Quick enough for a test; the silent server is given up after the timeout. */
const CHECK = healthCheck.parse({
  type: "tcp",
  ...{ port: 80, intervalMs: 10, timeoutMs: 40, rise: 2, fall: 2 },
}) as HealthCheck;

/** One with neither, one with a quorum and a sorry server, and one whose servers go altogether when they are down. */
const KINDS = [
  { protocol: "tcp", address: "192.0.2.1", port: 80, flag: "-t" },
  { protocol: "tcp", address: "192.0.2.2", port: 80, flag: "-t", quorum: { weight: 4, hysteresis: 2 } },
  { protocol: "udp", address: "192.0.2.3", port: 53, flag: "-u" },
] as const;

/** Nobody's of ours: an agent that touches it is wrong. */
export const FOREIGN = ["-A -t 192.0.2.99:80 -s lblc", "-a -t 192.0.2.99:80 -r 10.9.9.9:80 -m -w 7"] as const;

/** A pool as it is declared. */
export interface Declared {
  readonly scheduler: WalkScheduler;
  /** Weights by the number of the server. */
  readonly pool: ReadonlyMap<number, number>;
  readonly draining: boolean;
}

/** All that is declared, by the number of the virtual server. */
export type Declarations = ReadonlyMap<number, Declared>;

export function addressOf(server: number): string {
  return `10.0.0.${server + 1}`;
}

/** The number of a server; undefined for the sorry server and for strangers. */
export function serverAt(address: string): number | undefined {
  const server = Number(/^10\.0\.0\.(\d+)$/.exec(address)?.[1]) - 1;
  return server >= 0 && server < SERVERS ? server : undefined;
}

export function keyOf(service: number): string {
  const { protocol, address, port } = kind(service);
  return `${protocol} ${address}:${port}`;
}

/** The number of a virtual server; undefined for a stranger's. */
export function serviceAt(key: string): number | undefined {
  const found = KINDS.findIndex((_, service) => keyOf(service) === key);
  return found < 0 ? undefined : found;
}

/** The claim of a virtual server's resource. */
export function claimOf(service: number): { readonly resource: string; readonly token: string } {
  return { resource: `vs${service}`, token: `token-${service}` };
}

export function registrationOf(service: number, { scheduler, pool }: Declared): Registration {
  const { protocol, address, port, ...more } = kind(service);
  const sorry = { address: "10.0.0.250", port: 80, forwarding: "nat" } as const;
  const [name, , flag] = scheduler.split(" ");
  const members = [...pool].map(([server, weight]): Member => {
    return { address: addressOf(server), port: 80, weight, forwarding: "nat" };
  });
  return {
    ...{ protocol, address, port, scheduler: name, members },
    ...(flag !== undefined && { schedulerFlags: [flag] }),
    ...claimOf(service),
    pool: "inline",
    healthCheck: CHECK,
    ...("quorum" in more && { quorum: more.quorum, sorryServer: sorry }),
  } as Registration;
}

/** What a registration declares, to be compared. */
export function declaredText({ scheduler, pool, draining }: Declared): string {
  const weights = [...pool].sort(([a], [b]) => a - b).map(([server, weight]) => `${server}:${weight}`);
  return `${scheduler} ${weights.join(" ")}${draining && pool.size > 0 ? " draining" : ""}`;
}

/** The same of what stands registered. */
export function registeredText({ scheduler: name, schedulerFlags = [], members }: Registration): string {
  const pool = new Map(members.map(({ address, weight }) => [serverAt(address) ?? -1, weight]));
  const draining = members.length > 0 && members.every((one) => one.draining);
  const scheduler = [name, ...schedulerFlags.map((flag) => `-b ${flag}`)].join(" ");
  return declaredText({ scheduler: scheduler as WalkScheduler, pool, draining });
}

/** Whether a virtual server can be without its quorum: whether there is one, and a sorry server that shows it. */
export function hasQuorum(service: number): boolean {
  return "quorum" in kind(service);
}

/**
 * What the weights of servers that are well say of a pool's quorum. `as before`: between the two sums at which it is lost and
 * regained; a pool all of whose servers are well is not kept down.
 */
export function quorumOf(
  service: number,
  { pool, draining }: Declared,
  alive: ReadonlySet<number>,
): "held" | "lost" | "as before" {
  const { quorum } = { quorum: undefined, ...kind(service) };
  if (!quorum) return "held";
  const sum = (isCounted: (server: number) => boolean) =>
    draining ? 0 : [...pool].reduce((all, [server, weight]) => all + (isCounted(server) ? weight : 0), 0);
  const [well, whole] = [sum((server) => alive.has(server)), sum(() => true)];
  const { weight, hysteresis } = quorum;
  if (well === 0 || well < weight - hysteresis) return "lost";
  return well >= weight && (well >= weight + hysteresis || well === whole) ? "held" : "as before";
}

/**
 * Which servers of a virtual server take connections, with what weight; `sorry`: that one alone.
 *
 * @param lost virtual servers without their quorum where nothing else says it; undefined: all, nothing is certain of them
 */
export function takers(
  service: number,
  declared: Declared,
  alive: ReadonlySet<number>,
  lost?: ReadonlySet<number>,
): ReadonlyMap<number, number> | "sorry" {
  if (isLost(service, declared, alive, lost)) return "sorry";
  const { pool, draining } = declared;
  return new Map(draining ? [] : [...pool].filter(([server, weight]) => weight > 0 && alive.has(server)));
}

/** Whether a virtual server is without its quorum, and the sorry server stands in. */
export function isLost(
  service: number,
  declared: Declared,
  alive: ReadonlySet<number>,
  lost: ReadonlySet<number> | undefined,
): boolean {
  const quorum = quorumOf(service, declared, alive);
  return quorum === "as before" ? lost?.has(service) !== false : quorum === "lost";
}

/** Lines of `ipvsadm --save -n`, sorted, when everything has settled. */
export function expectedLines(
  declarations: Declarations,
  alive: ReadonlySet<number>,
  lost: ReadonlySet<number>,
): string[] {
  const ours = [...declarations].flatMap(([service, declared]) => {
    const { flag, address, port, protocol } = kind(service);
    const at = `${flag} ${address}:${port}`;
    const taking = takers(service, declared, alive, lost);
    const refuses = declared.scheduler === "sh" || declared.scheduler === "mh";
    const rule = (server: string, weight: number) => `-a ${at} -r ${server}:80 -m -w ${weight}`;
    const lines = [...declared.pool].flatMap(([server, weight]) => {
      const isMeant = weight > 0 || declared.draining;
      const takes = taking !== "sorry" && taking.has(server);
      // One that is down has left the table, also where it is on its way out.
      if (isMeant && !takes && !alive.has(server) && (protocol === "udp" || refuses)) return [];
      // Nor is there one who would have connections refused that hash to him.
      if (weight > 0 && !takes && refuses) return [];
      return [rule(addressOf(server), takes ? weight : 0)];
    });
    return [
      `-A ${at} -s ${declared.scheduler}`,
      ...lines,
      ...(taking === "sorry" ? [rule("10.0.0.250", 1)] : []),
    ];
  });
  return [...FOREIGN, ...ours].sort();
}

function kind(service: number): (typeof KINDS)[number] {
  const found = KINDS[service];
  if (!found) throw new Error(`there is no virtual server ${service}`);
  return found;
}
