import { ANNOTATION } from "./names";
import type { EndpointSliceObject, EndpointsObject } from "./objects";
import { readStatus, type StatusNote, shortAddress, writeStatus } from "./status";
import { isWell, type Subject } from "./subject";
import type { Wanted } from "./wanted";

/** What is held of a server, by one way of asking it. */
export interface Verdict {
  readonly healthy: boolean;
  /** Why it is down, for people; absent: it is well, or has answered well of late. */
  readonly reason?: string | undefined;
}

/** Something to be told about an object, as an Event. */
export interface Note {
  readonly type: "Normal" | "Warning";
  readonly reason:
    | "ServerDown"
    | "ServerUp"
    | "HealthCheckProblem"
    | "AddressGiven"
    | "LoadBalancerProblem"
    | "NoDirectors";
  readonly message: string;
}

/** One write that makes an object say what is so. */
export interface Plan {
  /** A JSON merge patch that is refused if the object has changed since it was read. */
  readonly patch: unknown;
  readonly notes: readonly Note[];
  /** Addresses that it takes out, and that it puts in. */
  readonly down: readonly string[];
  readonly up: readonly string[];
}

/**
 * What has to be written so that an object says what its servers' checks say: nothing, if undefined. Which addresses there
 * are is the user's, and readiness of those that are not asked stays as it stands. Of those that are asked and that nothing
 * is known of yet it stays, too.
 *
 * @param verdict by a probe's key; undefined: nothing is known yet
 */
export function planOf(
  subject: Subject,
  wanted: Wanted,
  verdict: (key: string) => Verdict | undefined,
): Plan | undefined {
  const decisions = wanted.keys.map((group) => group.map((keys) => decide(keys.map(verdict))));
  const changes = changesOf(subject, decisions);
  const before = readStatus(subject.annotations);
  const after: StatusNote = { out: reasonsOf(subject, decisions, before.out), problems: wanted.problems };
  const text = writeStatus(after);
  const isTold = text === subject.annotations[ANNOTATION.status];
  const fields = contentOf(subject, decisions);
  if (fields === undefined && isTold) return undefined;
  const metadata = {
    resourceVersion: subject.resourceVersion,
    ...(!isTold && { annotations: { [ANNOTATION.status]: text ?? null } }),
  };
  return { patch: { metadata, ...fields }, notes: notesOf(changes, before, after), ...changes };
}

/** Of one server, all its probes together. undefined: readiness stays as it is. */
type Decision = Verdict | undefined;

function decide(verdicts: readonly (Verdict | undefined)[]): Decision {
  const down = verdicts.find((one) => one?.healthy === false);
  if (down) return down;
  if (verdicts.length === 0 || verdicts.includes(undefined)) return undefined;
  return { healthy: true };
}

interface Changes {
  readonly down: readonly string[];
  readonly up: readonly string[];
  readonly reasons: ReadonlyMap<string, string>;
}

function changesOf(subject: Subject, decisions: readonly (readonly Decision[])[]): Changes {
  const [down, up, reasons] = [new Set<string>(), new Set<string>(), new Map<string, string>()];
  subject.groups.forEach(({ backends }, group) => {
    backends.forEach(({ address, ready }, index) => {
      const decision = decisions[group]?.[index];
      if (decision === undefined || decision.healthy === ready) return;
      (decision.healthy ? up : down).add(address);
      if (decision.reason !== undefined) reasons.set(address, decision.reason);
    });
  });
  return { down: [...down], up: [...up], reasons };
}

/** Why addresses are out. What was said when one went out stays said: an answer that changes is no news of the object. */
function reasonsOf(
  subject: Subject,
  decisions: readonly (readonly Decision[])[],
  said: Readonly<Record<string, string>>,
): Record<string, string> {
  const out: Record<string, string> = {};
  subject.groups.forEach(({ backends }, group) => {
    backends.forEach(({ address, ready }, index) => {
      const decision = decisions[group]?.[index];
      if (decision?.healthy ?? ready) return;
      const before = said[shortAddress(address)];
      const reason = (ready ? undefined : before) ?? decision?.reason ?? before;
      if (reason !== undefined) out[address] ??= reason;
    });
  });
  return out;
}

/** The fields that say what servers are ready; undefined: they are right. */
function contentOf(subject: Subject, decisions: readonly (readonly Decision[])[]): object | undefined {
  return "addressType" in subject.object
    ? sliceContent(subject.object, decisions[0] ?? [])
    : endpointsContent(subject, subject.object, decisions);
}

function endpointsContent(
  subject: Subject,
  { subsets }: EndpointsObject,
  decisions: readonly (readonly Decision[])[],
): object | undefined {
  const isRight = subject.groups.every(({ backends }, group) =>
    backends.every(({ ready }, index) => (decisions[group]?.[index]?.healthy ?? ready) === ready),
  );
  if (isRight) return undefined;
  return {
    subsets: (subsets ?? []).map(({ addresses, notReadyAddresses, ...rest }, group) => {
      const all = [...(addresses ?? []), ...(notReadyAddresses ?? [])];
      const isReady = (index: number) =>
        decisions[group]?.[index]?.healthy ?? subject.groups[group]?.backends[index]?.ready;
      const ready = all.filter((_, index) => isReady(index));
      const notReady = all.filter((_, index) => !isReady(index));
      return {
        ...rest,
        ...(ready.length > 0 && { addresses: ready }),
        ...(notReady.length > 0 && { notReadyAddresses: notReady }),
      };
    }),
  };
}

/** `ready` and `serving` are ours to set, `terminating` is the user's: a server that leaves is not ready, however well it is. */
function sliceContent(
  { endpoints }: EndpointSliceObject,
  decisions: readonly Decision[],
): object | undefined {
  let isRight = true;
  const written = (endpoints ?? []).map((endpoint, index) => {
    const decision = decisions[index];
    if (decision === undefined) return endpoint;
    const { healthy } = decision;
    const conditions = endpoint.conditions ?? {};
    const terminating = conditions.terminating ?? false;
    const ready = healthy && !terminating;
    const isSo =
      isWell(conditions) === healthy &&
      (conditions.ready ?? true) === ready &&
      (conditions.serving ?? conditions.ready ?? true) === healthy;
    if (isSo) return endpoint;
    isRight = false;
    return { ...endpoint, conditions: { ...conditions, ready, serving: healthy, terminating } };
  });
  return isRight ? undefined : { endpoints: written };
}

/** So many addresses are named in one Event, so that a rack that dies makes one and not a hundred. */
const NAMED = 5;

function notesOf({ down, up, reasons }: Changes, before: StatusNote, after: StatusNote): Note[] {
  const said = (address: string) => {
    const reason = reasons.get(address);
    return reason === undefined ? address : `${address} (${reason})`;
  };
  const fresh = after.problems.filter((problem) => !before.problems.includes(problem));
  return [
    ...(down.length > 0
      ? [{ type: "Warning", reason: "ServerDown", message: `taken out: ${few(down.map(said))}` } as const]
      : []),
    ...(up.length > 0
      ? [{ type: "Normal", reason: "ServerUp", message: `put in: ${few(up)}` } as const]
      : []),
    ...fresh.map((message) => ({ type: "Warning", reason: "HealthCheckProblem", message }) as const),
  ];
}

function few(addresses: readonly string[]): string {
  const named = addresses.slice(0, NAMED).join(", ");
  return addresses.length > NAMED ? `${named} and ${addresses.length - NAMED} more` : named;
}
