/** Mistakes planted in a real agent, and the schedule by which the judge of chaos finds each. */
import assert from "node:assert/strict";
import { BASELINE, type ChaosCluster } from "./cluster";
import { Coverage } from "./coverage";
import { type Plan, runPlan, ScheduleError } from "./run";
import { faultsOf, operationsOf, type Step } from "./schedule";

/** One that is planted, see test/unit/agent-plants.ts and test/chaos/variant/planted.ts. */
export interface LabPlant {
  readonly mistake: string;
  readonly steps: readonly Step[];
  /** What the judge says of it. */
  readonly reason: RegExp;
}

/** Tables that are right come to be so sooner, also where other labs run beside: it is waited in vain for most of these. */
const PATIENCE_MS = 20_000;

/** A mistake that is not found in so many goes is not found. */
const TRIES = 4;

const QUIET: Step = {
  ...{ operation: "nothing", fault: "none", afterMs: 0, director: 0, server: 0 },
  ...{ weights: [8, 1, 1], point: "batch made" },
};

/** So many of the first are planted in each run of the tests: all of them would take minutes where labs are slow. */
export const LAB_PLANTS_ALWAYS = 4;

/** All that the model has (test/unit/agent-plants.ts). */
export const LAB_PLANTS: readonly LabPlant[] = [
  {
    // When the first of them comes back it is let in, and the one that stood in is deleted.
    mistake: "deletes before it adds",
    steps: [{ ...QUIET, fault: "all dead" }],
    reason: /lost without excuse/,
  },
  {
    // Where the table outlives the agent, it tells of health too.
    mistake: "forgets health at a restart",
    steps: [{ ...QUIET, fault: "server dead at boot" }],
    reason: /rs1 is let in by a boot of d1/,
  },
  {
    mistake: "has a weight written by two",
    steps: [{ ...QUIET, fault: "server refuses" }],
    reason: /instead of\nrs1 at weight 0/,
  },
  {
    mistake: "does not wait for the disk",
    steps: [
      { ...QUIET, operation: "weights" },
      { ...QUIET, fault: "power lost" },
    ],
    reason: /d1 has\n(.*\n)*instead of\n/,
  },
  {
    mistake: "loses a drain",
    steps: [{ ...QUIET, operation: "drain over restart" }],
    reason: /instead of\nrs2 at weight 0/,
  },
  {
    // The kernel has then what nobody has registered.
    mistake: "makes a change before it is written down",
    steps: [{ ...QUIET, operation: "create", fault: "killed at a point" }],
    reason: /192\.0\.2\.20:80 in its table, and nobody's/,
  },
  {
    mistake: "does not replay its journal",
    steps: [{ ...QUIET, operation: "create", fault: "killed at a point", point: "batch half made" }],
    reason: /192\.0\.2\.20:80 in its table, and nobody's/,
  },
];

/** What may be left of a change that no agent knows of. */
const CLEAN = "rm -f /var/lib/heye/agent/journal.json; ipvsadm -D -t 192.0.2.20:80 2>/dev/null || :";

/**
 * Plants a mistake in all agents, runs its schedule, and takes it out again.
 *
 * @returns what the judge said
 * @throws Error where the schedule passed, or failed for another reason
 */
export async function caught(chaos: ChaosCluster, plant: LabPlant): Promise<string> {
  const failure = await withAgents(chaos, plant.mistake, () => failureOf(chaos, plant));
  if (!(failure instanceof ScheduleError)) throw failure ?? new Error(`not found: one that ${plant.mistake}`);
  const found = foundIn(failure, plant);
  assert.ok(found !== undefined, failure.message);
  return found.replaceAll(/\s+/g, " ");
}

/** What the judge said where it has found the mistake; undefined: it complains of something else, or of nothing. */
function foundIn(failure: unknown, { reason }: LabPlant): string | undefined {
  if (!(failure instanceof ScheduleError && failure.cause instanceof Error)) return undefined;
  return reason.exec(failure.cause.message)?.[0];
}

/** Where a lab stands still for a while requests are lost with an excuse, and looks come too late: both hide a mistake. */
async function failureOf(chaos: ChaosCluster, plant: LabPlant): Promise<unknown> {
  for (let tries = 1; ; tries++) {
    const failure = await made(chaos, plant, PATIENCE_MS);
    if (foundIn(failure, plant) !== undefined || tries === TRIES) return failure;
    await chaos.site.lab.fault.mendAll();
    await chaos.awaitAgents();
  }
}

/** Runs the schedule of a mistake with agents that do not make it. Throws ScheduleError where it fails. */
export async function passes(chaos: ChaosCluster, plant: LabPlant): Promise<void> {
  const failure = await withAgents(chaos, "", () => made(chaos, plant, undefined));
  if (failure !== undefined) throw failure;
}

function made(
  chaos: ChaosCluster,
  { mistake, steps }: LabPlant,
  patienceMs: number | undefined,
): Promise<unknown> {
  const plan: Plan = {
    ...{ name: `one that ${mistake}`, steps, again: "npm run chaos -- --plants" },
    ...(patienceMs !== undefined && { patienceMs }),
  };
  const coverage = new Coverage(operationsOf(chaos.store), faultsOf(chaos.store));
  return runPlan(chaos, plan, coverage).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** With variants on all directors, which are taken away afterwards. */
async function withAgents<T>(chaos: ChaosCluster, mistake: string, act: () => Promise<T>): Promise<T> {
  const { site, variants } = chaos;
  variants.plant = mistake;
  try {
    await Promise.all(site.directorNames.map((director) => variants.put(director)));
    return await act();
  } finally {
    variants.plant = "";
    await site.lab.fault.mendAll();
    await Promise.all(
      site.directorNames.map(async (director) => {
        await variants.takeAway(director);
        await site.on(director, "sh", "-c", CLEAN);
      }),
    );
    await chaos.awaitAgents();
    await chaos.apply(BASELINE);
  }
}
