import assert from "node:assert/strict";
import type { ClusterArgs } from "../../sdk";
import type { Site } from "../lab/site";
import type { Outcome } from "./stack";

/** A check that answers at once, so that tests do not wait for what they do not test. */
export const QUICK = { intervalMs: 50, rise: 1, timeoutMs: 2_000, deadlineMs: 5_000 };

/** The arguments of a Cluster of a lab's directors, all or those that are named. */
export function edgeOf(site: Site, names: readonly string[] = site.directorNames) {
  return {
    directors: site.lab.inventory.directors
      .filter(({ name }) => names.includes(name))
      .map(({ name, host, port, user, privateKey, hostKey }) => ({
        name,
        connection: { host, port, user, privateKey, hostKey, dialErrorLimit: 1 },
      })),
  } satisfies ClusterArgs;
}

/** Fails the test with all that was printed, unless the operation has succeeded. */
export function succeeded(outcome: Outcome): Outcome {
  assert.ok(outcome.ok, outcome.output);
  return outcome;
}

/** The lines of a table, whatever their order: it says when servers entered. */
export const sorted = (table: string): string[] => table.trim().split("\n").sort();

/** The outputs of the resource of that name in a state. */
export function outputsOf(
  state: { readonly resources: readonly { urn: string; outputs: Readonly<Record<string, unknown>> }[] },
  name: string,
): Readonly<Record<string, unknown>> {
  const found = state.resources.find(({ urn }) => urn.endsWith(`::${name}`));
  assert.ok(found, `${name} is not in the state`);
  return found.outputs;
}
