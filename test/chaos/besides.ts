/** Programs that know nothing of the one whose cluster is in chaos, with sessions of their own. */
import assert from "node:assert/strict";
import { Fleet, handlerFor } from "../../provider";
import type { Properties } from "../../provider/handler";
import { ADDRESSES, type ChaosCluster } from "./cluster";

const SERVICE = `${ADDRESSES.besides}:80`;
/** What each of two gives the one server of a service, at the same time. */
const WEIGHTS = [11, 12] as const;

/** One makes a service of its own, changes it and takes it away. */
export async function writeBesides(chaos: ChaosCluster): Promise<void> {
  const fleet = new Fleet();
  try {
    const services = handlerFor("VirtualServer", fleet);
    const { id, outputs } = await services.create(inputs(chaos, 1));
    let state = outputs;
    for (const weight of [2, 3, 4]) state = await services.update(id, state, inputs(chaos, weight));
    await services.delete(id, state);
  } finally {
    await fleet.close();
  }
}

/**
 * Two have the same service, and both change it at the same time: each is told that it failed, or its change was made. Fails where a
 * director holds something else than is registered there, or than one of them has declared.
 */
export async function writeTogether(chaos: ChaosCluster): Promise<void> {
  const fleets = WEIGHTS.map(() => new Fleet());
  try {
    const [services, ...others] = fleets.map((fleet) => handlerFor("VirtualServer", fleet));
    assert.ok(services);
    const { id, outputs } = await services.create(inputs(chaos, 1));
    const updates = [services, ...others].map((one, index) =>
      one.update(id, outputs, inputs(chaos, WEIGHTS[index] ?? 1)),
    );
    const isMade = (await Promise.allSettled(updates)).map(({ status }) => status === "fulfilled");
    assert.ok(isMade.includes(true), "of two programs that change a service at the same time none succeeded");
    const rule = new RegExp(
      `^-a -t ${SERVICE} .* -w (${WEIGHTS.filter((_, one) => isMade[one]).join("|")})$`,
    );
    await chaos.expectTables(
      (lines) => lines.some((line) => rule.test(line)),
      () => String(rule),
    );
    await chaos.site.expectSettled(`tcp ${SERVICE}`);
    await services.delete(id, outputs);
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.close()));
  }
}

function inputs(chaos: ChaosCluster, weight: number): Properties {
  return chaos.inputsOf("besides", "agent", new Map([["rs1", weight]]));
}
