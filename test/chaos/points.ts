/** Agents that are killed at each named point of a change, under load. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { SETTLE_MS } from "./agents";
import { expectAgreed } from "./agreement";
import { BASELINE, type ChaosCluster } from "./cluster";
import { type CrashPoint, crashPointsOf } from "./crash-points";
import { armed, whereStruck } from "./deaths";
import { Load } from "./load";
import { expectNoLoss } from "./run";

/** A change that is refused because agents die, agents that start again one after the other, and the change once more. */
const ROUND_MS = 3 * SETTLE_MS;

/**
 * Kills each director's agent at another point of the same change, then at the next ones of another change, until each point has been
 * come to. No request may be lost; and whoever was told that his change failed makes it again, after which it holds.
 */
export async function expectSurvived(chaos: ChaosCluster): Promise<void> {
  const { site, variants } = chaos;
  await chaos.apply(BASELINE);
  await chaos.expectSettled();
  await Promise.all(site.directorNames.map((director) => variants.put(director)));
  const load = await Load.begin(chaos);
  try {
    for (const [round, points] of roundsOf(chaos).entries()) {
      load.note(`${points.join(", ")}: begun`);
      await expectRoundSurvived(
        chaos,
        points,
        new Map([...BASELINE.web.keys()].map((name) => [name, 3 + round])),
      );
    }
    const { report, pauses } = await load.end();
    expectNoLoss(load, report, pauses);
  } finally {
    await load.end();
    await Promise.all(site.directorNames.map((director) => variants.takeAway(director)));
    await chaos.awaitAgents();
  }
}

/** One point for each director. */
function roundsOf({ site, store }: ChaosCluster): CrashPoint[][] {
  const points = crashPointsOf(store);
  const width = site.directorNames.length;
  const rounds = Math.ceil(points.length / width);
  return Array.from({ length: rounds }, (_, round) => points.slice(round * width, (round + 1) * width));
}

async function expectRoundSurvived(
  chaos: ChaosCluster,
  points: readonly CrashPoint[],
  web: ReadonlyMap<string, number>,
): Promise<void> {
  const names = chaos.site.directorNames.slice(0, points.length);
  for (const [index, name] of names.entries()) await armed(chaos, name, points[index] as CrashPoint);
  for (const end = Date.now() + ROUND_MS; ; await delay(500)) {
    const refusal = await chaos.apply({ ...BASELINE, web }).then(
      () => undefined,
      (error: Error) => error,
    );
    await chaos.awaitAgents();
    const struck = await Promise.all(names.map((name) => whereStruck(chaos, name)));
    if (refusal === undefined && struck.join() === points.join()) break;
    const found = `killed at ${struck.join(", ")} instead of ${points.join(", ")}`;
    assert.ok(Date.now() < end, `${found}; ${refusal?.message ?? "the change was made"}`);
  }
  await chaos.expectSettled();
  if (chaos.etcd) await expectAgreed(chaos.site);
}
