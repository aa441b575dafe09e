import {
  describeEdit,
  destinationKey,
  type Edit,
  findService,
  plan,
  type Service,
  serviceKey,
  type Table,
} from "../ipvs";
import { canonicalJson } from "./canonical";
import type { Change } from "./change";
import { desiredService } from "./desired";
import { NotAppliedError } from "./errors";
import { asItStood, type Given, givenBy } from "./given";
import { knownTable } from "./limits";
import { withholding } from "./lost";
import { placementFaults } from "./placement";
import {
  duringRegistry,
  findMember,
  findRegistration,
  type Registration,
  type Registry,
  registeredMembers,
} from "./registry";
import { remaining } from "./remaining";
import { type ChangeRequest, changeRequest } from "./request";
import type { DirectorState } from "./state";

/** What a change did on one director. */
export interface Applied {
  /** The registration it replaced, to undo it by. */
  readonly before: Registration | undefined;
  /** Commands sent to the kernel for the group it left with; 0: the director held it all already. */
  readonly edits: number;
}

/** A change on its way, and who waits for it. */
export interface Job {
  readonly change: Change;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (error: unknown) => void;
}

/** Changes that leave together, and what they come to. */
export interface Batch {
  /** With what was registered before each; when an earlier turn has made it already, before that one. */
  readonly accepted: ReadonlyMap<Job, Registration | undefined>;
  readonly refused: ReadonlyMap<Job, unknown>;
  /** What stands registered once the request is made: while the kernel is edited, and afterwards. */
  readonly registries: readonly Registry[];
  readonly desired: Table;
  readonly scope: ReadonlySet<string>;
  readonly edits: number;
  /** Thresholds are written or taken away: the table that comes back does not tell them. */
  readonly limited: boolean;
  /** undefined: nothing to send. */
  readonly request: ChangeRequest | undefined;
}

/**
 * Applies the jobs' changes one after another; one that must not be made is refused and harms no other.
 *
 * @param made batches of the same jobs that the director has or may have made, the last one last
 */
export function prepare(
  director: string,
  state: DirectorState,
  jobs: readonly Job[],
  made: readonly Batch[] = [],
): Batch {
  let registry = state.registry;
  const accepted = new Map<Job, Registration | undefined>();
  const refused = new Map<Job, unknown>();
  const given: Given[] = [];
  for (const job of jobs) {
    try {
      const before = findRegistration(registry, job.change.key)?.registration;
      const table = remaining(state, registry, job.change.key);
      const next = job.change.apply({ director, registry, table });
      given.push(...givenBy(job.change, director, registry, next));
      registry = next;
      const writer = made.findLast((batch) => hasWritten(batch, job, state.registry));
      accepted.set(job, writer ? writer.accepted.get(job) : before);
    } catch (error) {
      refused.set(job, error);
    }
  }
  // What nobody has registered, neither before nor now, is not ours to delete either.
  const isOurs = (key: string) =>
    !!(findRegistration(state.registry, key) ?? findRegistration(registry, key));
  const scope = new Set([...accepted.keys()].map(({ change }) => change.key).filter(isOurs));
  const admits = (member: string, key: string) =>
    [...accepted.keys()].some(({ change }) => change.key === key && change.admits?.(director, member));
  const known = knownTable(state, scope);
  const desired = desiredTable(registry, { ...state, table: known }, scope, given, admits);
  const edits = plan(known, desired, scope);
  const during = duringRegistry(state.registry, registry);
  const request = changeRequest(state, { during, after: registry, edits, desired, scope });
  return {
    accepted,
    refused,
    registries: [during, registry],
    desired,
    scope,
    edits: edits.length,
    limited: [...desired, ...known.filter((one) => scope.has(serviceKey(one)))].some(isLimited),
    request,
  };
}

/** Whether what is registered is what the batch wrote for the job; undoing it by that would leave it as it is. */
function hasWritten({ accepted, registries }: Batch, job: Job, registry: Registry): boolean {
  const found = ownPart(job.change, registry);
  return accepted.has(job) && registries.some((written) => ownPart(job.change, written) === found);
}

function ownPart({ key, member }: Change, registry: Registry): string {
  const registration = findRegistration(registry, key)?.registration;
  return canonicalJson((member === undefined ? registration : findMember(registration, member)) ?? null);
}

function isLimited({ destinations }: Service): boolean {
  return destinations.some(({ thresholds }) => thresholds !== undefined && thresholds.upper > 0);
}

/** @param state with thresholds: what stays as it is, or is given back, keeps them */
function desiredTable(
  registry: Registry,
  state: Pick<DirectorState, "registry" | "table">,
  scope: ReadonlySet<string>,
  given: readonly Given[],
  admits: (member: string, key: string) => boolean,
): Table {
  return [...scope].flatMap((key) => {
    const wanted = findRegistration(registry, key)?.registration;
    const back = given.filter((one) => one.key === key);
    if (!wanted) {
      const whole = back.find(({ member }) => member === undefined);
      return whole ? [asItStood(whole.service, key, state)] : [];
    }
    const owned = registeredMembers(state.registry, key);
    const found = findService(state.table, key);
    const before = findRegistration(state.registry, key)?.registration;
    const asked = withholding(wanted, before, found, (member) => admits(member, key));
    const desired = desiredService(asked, found, owned);
    const registered = new Set(wanted.members.map(destinationKey));
    const returned = back.flatMap(({ member, service }) =>
      service.destinations.filter((one) => destinationKey(one) === member && !registered.has(member)),
    );
    return [{ ...desired, destinations: [...desired.destinations, ...returned] }];
  });
}

/** Tells every job whether the kernel holds what it asked for. */
export function settle(director: string, batch: Batch, state: DirectorState, messages: string): void {
  for (const [job, error] of batch.refused) job.reject(error);
  for (const [{ change, resolve, reject }, before] of batch.accepted) {
    const edits = missing(batch, state, new Set([change.key])).filter((edit) => concerns(change, edit));
    const unplaced = placementFaults(messages, addressOf(change.key));
    const left = [...edits.map(describeEdit), ...unplaced];
    if (left.length > 0) reject(new NotAppliedError(director, left, messages, before));
    else resolve({ before, edits: batch.edits });
  }
}

/** Tells every job that ipvsadm complained, and that nobody could see to it since: somebody else kept changing the director. */
export function abandon(director: string, batch: Batch, messages: string): void {
  const left = [
    "not all of it is known to hold: somebody else changed the director each time that it was tried again",
  ];
  for (const [job, error] of batch.refused) job.reject(error);
  for (const [job, before] of batch.accepted)
    job.reject(new NotAppliedError(director, left, messages, before));
}

/** The address in a virtual server's key; a firewall mark has none. */
function addressOf(key: string): string | undefined {
  return /^[a-z]+ \[?([0-9a-f.:]+?)\]?:[0-9]+$/.exec(key)?.[1];
}

/** Whether the kernel lacks anything that the batch asked for. */
export function isMissing(batch: Batch, state: DirectorState): boolean {
  return missing(batch, state, batch.scope).length > 0;
}

function missing(batch: Batch, state: DirectorState, scope: ReadonlySet<string>): Edit[] {
  return plan(knownTable(state, scope), batch.desired, scope);
}

/** Of what is still missing from a virtual server, a change of one member answers for that member alone. */
function concerns({ member }: Change, edit: Edit): boolean {
  if (member === undefined) return true;
  return "destination" in edit ? destinationKey(edit.destination) === member : edit.kind === "add-service";
}
