import { type Destination, destinationKey, findService, type Service, serviceKey, type Table } from "./model";

/** One edit of a table, each a single command to the kernel. */
export type Edit =
  | { readonly kind: "add-service" | "edit-service" | "delete-service"; readonly service: Service }
  | {
      readonly kind: "add-destination" | "edit-destination" | "delete-destination";
      readonly service: Service;
      readonly destination: Destination;
    };

/**
 * The edits that take `actual` to `desired`, for the services in `scope` and no others.
 *
 * Invariants: nothing outside `scope` is named; a service that keeps a positive weight before and after has one
 * after every single edit (add, then raise, then lower, then delete); what IPVS can edit in place is never
 * deleted and added again; equal tables need no edit.
 *
 * @param scope keys (see `serviceKey`) of the services the caller owns and wants to change.
 */
export function plan(actual: Table, desired: Table, scope: ReadonlySet<string>): Edit[] {
  const edits: Edit[] = [];
  for (const wanted of desired) {
    const key = serviceKey(wanted);
    if (scope.has(key)) edits.push(...planService(findService(actual, key), wanted));
  }
  for (const found of actual) {
    const key = serviceKey(found);
    if (scope.has(key) && !findService(desired, key)) edits.push({ kind: "delete-service", service: found });
  }
  return edits;
}

/** Names an entry of the table: a virtual server or, with a destination, one real server of it. */
export function entryName(service: Service, destination?: Destination): string {
  const key = serviceKey(service);
  return destination ? `${key} ${destinationKey(destination)}` : key;
}

/** The entry that an edit is of. Edits of one entry have the same, whatever they do. */
export function editedEntry(edit: Edit): string {
  return entryName(edit.service, "destination" in edit ? edit.destination : undefined);
}

function planService(found: Service | undefined, wanted: Service): Edit[] {
  if (!found) {
    return [
      { kind: "add-service", service: wanted },
      ...wanted.destinations.flatMap((destination) => addition(wanted, destination)),
    ];
  }
  const edits: Edit[] = [...planDestinations(found, wanted)];
  if (found.scheduler !== wanted.scheduler || found.extra !== wanted.extra) {
    edits.unshift({ kind: "edit-service", service: wanted });
  }
  return edits;
}

function planDestinations(found: Service, wanted: Service): Edit[] {
  const before = new Map(found.destinations.map((one) => [destinationKey(one), one]));
  const after = new Map(wanted.destinations.map((one) => [destinationKey(one), one]));
  const steps: Edit[][] = [];
  for (const [key, destination] of after) {
    const old = before.get(key);
    if (!old) steps.push(addition(wanted, destination));
    else if (!sameDestination(old, destination))
      steps.push([{ kind: "edit-destination", service: wanted, destination }]);
  }
  for (const [key, destination] of before) {
    if (!after.has(key)) steps.push([{ kind: "delete-destination", service: wanted, destination }]);
  }
  // Stable by rank: additions of one rank keep the normal order, which all directors share.
  return steps.sort(([a], [b]) => rank(a) - rank(b)).flat();
}

/** Servers that take connections first, those that stop taking them last. */
function rank(edit: Edit | undefined): number {
  if (!edit || !("destination" in edit)) return 0;
  if (edit.kind === "delete-destination") return 4;
  const takes = edit.destination.weight > 0;
  if (edit.kind === "add-destination") return takes ? 0 : 2;
  return takes ? 1 : 3;
}

/** One that has lost its weight elsewhere is added with the weight it had there, and at once loses it here too. */
function addition(service: Service, destination: Destination): Edit[] {
  const { weight, lastWeight = 0 } = destination;
  if (weight > 0 || lastWeight === 0) return [{ kind: "add-destination", service, destination }];
  const once = { ...destination, weight: lastWeight };
  return [
    { kind: "add-destination", service, destination: once },
    { kind: "edit-destination", service, destination },
  ];
}

function sameDestination(a: Destination, b: Destination): boolean {
  return a.method === b.method && a.weight === b.weight && a.extra === b.extra && sameThresholds(a, b);
}

function sameThresholds({ thresholds: a }: Destination, { thresholds: b }: Destination): boolean {
  return (a?.upper ?? 0) === (b?.upper ?? 0) && (a?.lower ?? 0) === (b?.lower ?? 0);
}
