/** Runs a schedule on a cluster, and fails with how to run just it again. */
import { setTimeout as delay } from "node:timers/promises";
import type { TrafficReport } from "../../lab";
import { agentLogs } from "./agents";
import { expectAgreed } from "./agreement";
import { BASELINE, type ChaosCluster, type Declared } from "./cluster";
import type { Coverage } from "./coverage";
import { strike } from "./faults";
import { boundOf, mayRefuse, unexcused, type Window } from "./judge";
import { Load } from "./load";
import { operate, wantedOf } from "./operations";
import { type Step, type Store, schedule, stepText } from "./schedule";

/** A planned operation may be refused while something is wrong, and is made again when it is mended. */
const ATTEMPTS = 3;

/** A schedule, and how far it came. */
interface Taken {
  readonly seed: number;
  readonly store: Store;
  readonly steps: readonly Step[];
  readonly at: number;
}

/** A schedule that failed. */
export class ScheduleError extends Error {
  constructor({ seed, steps, at, store }: Taken, cause: Error, logs: string) {
    const taken = steps.map((step, index) => `  ${index === at ? ">" : " "} ${index + 1}. ${stepText(step)}`);
    const where = at < steps.length ? `step ${at + 1}` : "the load";
    super(
      `${logs}seed ${seed}, ${where}: ${cause.message}\n${taken.join("\n")}\n` +
        `Again: npm run chaos -- --schedules 1 --steps ${steps.length} --seed ${seed} --store ${store}`,
      { cause },
    );
  }
}

/**
 * Runs one schedule, from what is declared at first on.
 *
 * @throws ScheduleError
 */
export async function runSchedule(
  chaos: ChaosCluster,
  seed: number,
  length: number,
  coverage: Coverage,
): Promise<void> {
  const { store } = chaos;
  const steps = schedule(seed, length, store);
  await chaos.site.lab.fault.mendAll();
  await chaos.etcd?.mendAll();
  await chaos.apply(BASELINE);
  await chaos.plantForeign();
  await chaos.expectSettled();
  const load = await Load.begin(chaos);
  let at = 0;
  try {
    for (; at < steps.length; at++) {
      const step = steps[at] as Step;
      coverage.count(step.operation, step.fault);
      load.step = at + 1;
      await makeStep(chaos, step, load);
    }
    const { report, pauses } = await load.end();
    expectNoLoss(load, report, pauses);
  } catch (error) {
    await load.end();
    throw new ScheduleError({ seed, store, steps, at }, error as Error, await agentLogs(chaos.site));
  }
}

function expectNoLoss({ windows, times }: Load, report: TrafficReport, pauses: readonly Window[]): void {
  const lost = unexcused(report, [...windows, ...pauses]);
  if (lost.length === 0) return;
  const told = {
    "lost without excuse": lost,
    of: report.requests,
    excused: windows,
    standstills: pauses,
    times,
  };
  throw new Error(JSON.stringify(told, undefined, 2));
}

async function makeStep(chaos: ChaosCluster, step: Step, load: Load): Promise<void> {
  const wanted = wantedOf(chaos.declared, step);
  // Whatever began just before may meet the fault.
  const fromMs = load.nowMs - 3_000;
  const struck = await strike(chaos, step);
  load.note("fault struck");
  let overMs = load.nowMs;
  const over = struck.done.finally(() => {
    overMs = Math.max(overMs, load.nowMs);
  });
  // Waited for below; a failure before that must not end the process.
  over.catch(() => undefined);
  await delay(step.afterMs);
  const refusal = await operate(chaos, step, wanted).then(
    () => undefined,
    (error: Error) => error,
  );
  load.note(refusal ? "operation refused" : "operation made");
  await over;
  load.note("fault done");
  const boundMs = boundOf(step.fault, step.operation);
  if (boundMs > 0) load.windows.push({ fromMs, toMs: overMs + boundMs });
  if (struck.dead.size > 0) await chaos.expectOut(struck.dead);
  await struck.expectMeanwhile?.();
  await struck.mend();
  load.note("mended");
  await comeRight(chaos, step, wanted, refusal);
  await struck.expectAfterwards?.();
  await chaos.expectSettled();
  if (chaos.etcd) await expectAgreed(chaos.site);
  load.note("settled");
}

/** What people do when all is mended: the same again, where it was refused. */
async function comeRight(
  chaos: ChaosCluster,
  step: Step,
  wanted: Declared,
  refusal: Error | undefined,
): Promise<void> {
  if (refusal && boundOf(step.fault, step.operation) === 0 && !mayRefuse(step.fault)) throw refusal;
  await chaos.awaitAgents();
  await chaos.plantForeign();
  for (let attempt = 1; refusal !== undefined; attempt++) {
    const again = await operate(chaos, step, wanted).catch((error: Error) => error);
    if (!again) break;
    if (attempt === ATTEMPTS) throw again;
    await delay(1_000);
  }
}
