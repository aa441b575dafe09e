import { type Probe, probeKey } from "../health";
import { type ActiveHealthCheck, transportOf } from "../spec";
import { type Declaration, declarationOf, type SecretData } from "./annotations";
import type { Group, GroupPort, Subject, SubjectService } from "./subject";

/** What is asked of the servers of one object. */
export interface Wanted {
  /** All probes, by their keys. */
  readonly probes: ReadonlyMap<string, Probe>;
  /** By group and place in it: the keys of the probes that a server has to pass; none: nothing is asked of it. */
  readonly keys: readonly (readonly (readonly string[])[])[];
  /** What is wrong with the object, for who made it; sentences. */
  readonly problems: readonly string[];
}

/** What is known besides the object itself. */
export interface Surroundings {
  readonly service: SubjectService;
  /** What its Secret holds; undefined: it names none, or that is not known. */
  readonly secret?: SecretData | undefined;
  /** Why its Secret cannot be read. */
  readonly secretProblem?: string | undefined;
  /** What is wrong with the declaration that it was made of. */
  readonly declaredProblems?: readonly string[] | undefined;
}

/**
 * Works out what is to be asked. A server is asked under each of its ports that the Service has too, of the protocol that
 * carries the check, or under the port that the check names. Where something is wrong nothing is asked, and readiness stays as it stands in the object.
 */
export function wantedOf(
  subject: Subject,
  { service, secret, secretProblem, declaredProblems = [] }: Surroundings,
): Wanted {
  const declared = declarationOf(subject.annotations, secret);
  const problems = [
    ...problemsOf(subject, service, declared),
    ...declaredProblems,
    ...(secretProblem === undefined ? [] : [secretProblem]),
  ];
  const { check } = declared;
  if (check === undefined || subject.obstacle !== undefined || isForeign(subject, service))
    return nothing(subject, problems);
  const probes = new Map<string, Probe>();
  const keys = subject.groups.map((group) => {
    const ports = askedPorts(group, service, check);
    return group.backends.map(({ address }) =>
      ports.map((port) => {
        const probe = { check, target: { address, port } };
        const key = probeKey(probe);
        probes.set(key, probe);
        return key;
      }),
    );
  });
  const unasked = subject.groups.some(
    (group) => joinedPorts(group, service).length > 0 && askedPorts(group, service, check).length === 0,
  );
  const why = `${check.type}: no ${transportOf(check).toUpperCase()} port among those of some addresses, so they are not checked: name one as port of the check`;
  return { probes, keys, problems: unasked ? [...problems, why] : problems };
}

function nothing(subject: Subject, problems: readonly string[]): Wanted {
  return { probes: new Map(), keys: subject.groups.map(({ backends }) => backends.map(() => [])), problems };
}

/** Endpoints of a Service with a selector are written by Kubernetes: two writers would take turns for ever. */
function isForeign(subject: Subject, service: SubjectService): boolean {
  return subject.kind === "Endpoints" && service.hasSelector;
}

function problemsOf(subject: Subject, service: SubjectService, declared: Declaration): string[] {
  if (isForeign(subject, service)) {
    return [
      `the Service ${subject.service} has a selector, so Kubernetes writes its Endpoints: remove the selector, or check its Pods by their own readiness`,
    ];
  }
  return [
    ...declared.problems,
    ...(subject.obstacle === undefined ? [] : [subject.obstacle]),
    ...portProblems(subject, service),
  ];
}

/** Ports are joined by their names: a name that only one side has carries no traffic. */
function portProblems(subject: Subject, service: SubjectService): string[] {
  const theirs = new Set(service.ports);
  const ours = new Set(subject.groups.flatMap(({ ports }) => ports.map(({ name }) => name)));
  if (ours.size === 0) return [];
  const missing = [...ours].filter((name) => !theirs.has(name));
  // Another slice may serve them.
  const unserved = subject.kind === "EndpointSlice" ? [] : [...theirs].filter((name) => !ours.has(name));
  if (missing.length === 0 && unserved.length === 0) return [];
  const kind = subject.kind === "Endpoints" ? "the Endpoints" : "the EndpointSlice";
  return [
    `port names must match: the Service ${subject.service} has ${listed(theirs)}, ${kind} ${subject.name} has ${listed(ours)}`,
  ];
}

function listed(names: ReadonlySet<string>): string {
  return [...names].map((name) => (name === "" ? "one without a name" : JSON.stringify(name))).join(", ");
}

function askedPorts(group: Group, service: SubjectService, check: ActiveHealthCheck): number[] {
  const joined = joinedPorts(group, service);
  if (joined.length === 0) return [];
  if (check.port !== undefined) return [check.port];
  const carrier = transportOf(check).toUpperCase();
  return joined.filter(({ protocol }) => protocol === carrier).map(({ port }) => port);
}

/** Those that the Service has, too. */
function joinedPorts({ ports }: Group, service: SubjectService): GroupPort[] {
  return ports.filter(({ name }) => service.ports.includes(name));
}
