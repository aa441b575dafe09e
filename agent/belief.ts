import { effectiveWeight, type Member, type Registration, type Registry } from "../director/data";
import { probeKey, type ServerHealth } from "../health";
import { destinationKey, type Edit, findService, type Service, serviceKey, type Table } from "../ipvs";
import { realServerKey } from "../spec";
import type { HealthRecord } from "./health-record";
import { probeOf, registrations } from "./probes";
import { sorryMember } from "./wanted";

/** What the kernel says of the servers of one virtual server. */
interface Testimony {
  /** Without its quorum; undefined: it does not say. */
  readonly lost: boolean | undefined;
  /** By the key of their probe; not those of which it says nothing. */
  readonly servers: ReadonlyMap<string, Word>;
}

/** Of one server: it takes connections, it does not, or nobody does because a sorry server stands in. */
type Word = "takes" | "takes none" | "rests";

/**
 * What an agent that starts goes by. The kernel outlives the agent, and to go by what it says of a virtual server changes
 * nothing; the record may be older, where the disk was full, or a moment newer, and who is down is found out again. It counts
 * where the kernel says nothing, as after a reboot, and where virtual servers differ about one server.
 *
 * @param before what stands registered
 * @param after the same once the change that was cut short is carried out: members that it lets in, takes out or changes
 *   may stand as before it or as after it, and that says nothing of their health; but one that takes connections has been
 *   let in by an agent that knew it to be well
 * @param record undefined: nothing was written down, or nobody can read it
 */
export function believed(
  before: Registry,
  after: Registry,
  record: HealthRecord | undefined,
  table: Table,
): HealthRecord {
  const { down, lost, drains } = record ?? { down: {}, lost: [], drains: [] };
  const lostNow = new Set(lost);
  const said = new Map<string, Set<Word>>();
  const say = (probe: string, word: Word) => said.set(probe, (said.get(probe) ?? new Set()).add(word));
  const later = registrations(after);
  // Written down before they are made. Those of changes stand in the registry.
  const byOperators = drains.filter(({ by }) => by === "operator");
  const asked = new Set(byOperators.map(({ service, server }) => `${service} ${server}`));
  for (const [key, registration] of registrations(before)) {
    const service = findService(table, key);
    if (!service) continue;
    const members = steady(registration, later.get(key)).filter(
      (one) => !asked.has(`${key} ${realServerKey(one)}`),
    );
    const testimony = testify(registration, members, service);
    if (testimony.lost === true) lostNow.add(key);
    if (testimony.lost === false) lostNow.delete(key);
    for (const [probe, word] of testimony.servers) say(probe, word);
  }
  for (const [key, registration] of later)
    for (const probe of letIn(registration, findService(table, key))) say(probe, "takes");
  const known = new Map<string, ServerHealth>(Object.entries(down));
  for (const [probe, words] of said) {
    if (words.has("takes") && words.has("takes none")) continue;
    // Who rests and is well proves that before there is a quorum again.
    if (words.has("takes")) known.delete(probe);
    else if (!known.has(probe)) known.set(probe, begun(false));
  }
  return { down: Object.fromEntries(known), lost: [...lostNow], drains };
}

/**
 * Whether a kernel that has taken some edits, or as many of them as it had when the agent was killed, tells the next one by
 * itself who is out. Not where weights say nothing of health; nor where several virtual servers are edited, which may have one
 * server and then differ about it.
 */
export function isWitnessed(edits: readonly Edit[], declared: ReadonlyMap<string, Registration>): boolean {
  const edited = [...new Set(edits.map(({ service }) => serviceKey(service)))];
  return edited.length <= 1 && edited.every((key) => declared.get(key)?.failOpenPercent === undefined);
}

/** What is known of a server before it was asked. */
export function begun(healthy: boolean): ServerHealth {
  return { healthy, streak: 0, since: Date.now(), answer: "not checked yet", at: 0 };
}

/** Members that are to take connections before and after. */
function steady(before: Registration, after: Registration | undefined): Member[] {
  const takes = (one: Member) => effectiveWeight(one) > 0;
  const later = new Set((after?.members ?? []).filter(takes).map(realServerKey));
  return before.members.filter((one) => takes(one) && later.has(realServerKey(one)));
}

/** Probes of the servers that take connections already, of those that are to. */
function letIn(registration: Registration, service: Service | undefined): string[] {
  if (registration.failOpenPercent !== undefined) return [];
  const taking = new Set(service?.destinations.filter(({ weight }) => weight > 0).map(destinationKey));
  const entered = registration.members.filter(
    (one) => effectiveWeight(one) > 0 && taking.has(realServerKey(one)),
  );
  return entered.flatMap((one) => {
    const probe = probeOf(registration, one);
    return probe ? [probeKey(probe)] : [];
  });
}

/** Whether the sorry server stands in. One that is in the pool too may take connections as any other of it. */
function saysLost({ members }: Registration, sorry: Member, isTaking: (one: Member) => boolean) {
  const others = members.filter((one) => realServerKey(one) !== realServerKey(sorry));
  if (others.length === members.length || !isTaking(sorry)) return isTaking(sorry);
  return others.some(isTaking) ? false : undefined;
}

function testify(registration: Registration, members: readonly Member[], service: Service): Testimony {
  // Where checks are not believed when too many fail, weights say nothing.
  if (registration.failOpenPercent !== undefined) return { lost: undefined, servers: new Map() };
  const weights = new Map(service.destinations.map((one) => [destinationKey(one), one.weight]));
  const isTaking = (one: { readonly address: string; readonly port: number }) =>
    (weights.get(realServerKey(one)) ?? 0) > 0;
  const sorry = sorryMember(registration);
  const lost = sorry && saysLost(registration, sorry, isTaking);
  const word = (one: Member) => (isTaking(one) ? "takes" : lost ? "rests" : "takes none");
  const servers = new Map<string, Word>();
  for (const member of members) {
    const probe = probeOf(registration, member);
    if (probe) servers.set(probeKey(probe), word(member));
  }
  return { lost, servers };
}
