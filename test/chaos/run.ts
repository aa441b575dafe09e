/** Runs a schedule on a cluster, and fails with how to run just it again. */
import { setTimeout as delay } from "node:timers/promises";
import type { TrafficReport } from "../../lab";
import { agentLogs } from "./agents";
import { expectAgreed } from "./agreement";
import { BASELINE, type ChaosCluster, type Declared } from "./cluster";
import type { Coverage } from "./coverage";
import { strike } from "./faults";
import { boundOf, lostUntil, mayRefuse, unexcused, type Window } from "./judge";
import { Load } from "./load";
import { expectOperated, operate, wantedOf } from "./operations";
import { expectOwned } from "./ownership";
import { type Step, schedule, stepText } from "./schedule";

/** A planned operation may be refused while something is wrong, and is made again when it is mended. */
const ATTEMPTS = 3;

/** Steps, by a name, and how to make them again. */
export interface Plan {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly again: string;
  /** How long tables may take to come right. Default: as long as a lab may need. */
  readonly patienceMs?: number;
}

/** Requests were lost that may not have been. */
export class LossError extends Error {}

/** A schedule that failed. */
export class ScheduleError extends Error {
  /** @param at which step was being made; behind the last: the load was being judged */
  constructor({ name, steps, again }: Plan, at: number, cause: Error, logs: string) {
    const taken = steps.map((step, index) => `  ${index === at ? ">" : " "} ${index + 1}. ${stepText(step)}`);
    const where = at < steps.length ? `step ${at + 1}` : "the load";
    super(`${logs}${name}, ${where}: ${cause.message}\n${taken.join("\n")}\nAgain: ${again}`, { cause });
  }
}

/**
 * Runs the schedule of a seed, from what is declared at first on.
 *
 * @throws ScheduleError
 */
export function runSchedule(
  chaos: ChaosCluster,
  seed: number,
  length: number,
  coverage: Coverage,
): Promise<void> {
  const { store } = chaos;
  const again = `npm run chaos -- --schedules 1 --steps ${length} --seed ${seed} --store ${store}`;
  return runPlan(chaos, { name: `seed ${seed}`, steps: schedule(seed, length, store), again }, coverage);
}

/**
 * Makes steps, from what is declared at first on.
 *
 * @throws ScheduleError
 */
export async function runPlan(chaos: ChaosCluster, plan: Plan, coverage: Coverage): Promise<void> {
  await chaos.site.lab.fault.mendAll();
  await chaos.etcd?.mendAll();
  await chaos.apply(BASELINE);
  await chaos.plantForeign();
  await chaos.expectSettled();
  const load = await Load.begin(chaos);
  let at = 0;
  const whole = chaos.patienceMs;
  try {
    chaos.patienceMs = plan.patienceMs ?? whole;
    for (const step of plan.steps) {
      load.step = at + 1;
      const isMade = await makeStep(chaos, step, load);
      if (isMade) coverage.count(step.operation, step.fault);
      else coverage.miss(step.fault);
      at++;
    }
    const { report, pauses } = await load.end();
    expectNoLoss(load, report, pauses);
  } catch (error) {
    await load.end();
    throw new ScheduleError(plan, at, error as Error, await agentLogs(chaos.site));
  } finally {
    chaos.patienceMs = whole;
  }
}

/** Throws LossError where requests were lost that may not have been. */
export function expectNoLoss(
  { windows, times }: Load,
  report: TrafficReport,
  pauses: readonly Window[],
): void {
  const lost = unexcused(report, [...windows, ...pauses]);
  if (lost.length === 0) return;
  const told = {
    "lost without excuse": lost,
    of: report.requests,
    excused: windows,
    standstills: pauses,
    times,
  };
  throw new LossError(JSON.stringify(told, undefined, 2));
}

/** Returns whether its fault was made. */
async function makeStep(chaos: ChaosCluster, step: Step, load: Load): Promise<boolean> {
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
  const foundOut = async (): Promise<number> => {
    await chaos.expectOut(struck.dead);
    load.note("found out");
    return load.nowMs;
  };
  const earlyMs = struck.isFoundOut ? await foundOut() : undefined;
  await delay(step.afterMs);
  const refusal = await operate(chaos, step, wanted).then(
    () => undefined,
    (error: Error) => error,
  );
  load.note(refusal ? "operation refused" : "operation made");
  const operatedMs = load.nowMs;
  await over;
  load.note("fault done");
  const isOut = struck.dead.size > 0;
  const outMs = earlyMs ?? (isOut ? await foundOut() : Number.POSITIVE_INFINITY);
  // Who is known to be dead is sent nothing, whatever is done then, and comes back without a loss.
  const lostMs = lostUntil(step, { overMs, operatedMs });
  if (lostMs !== undefined) load.windows.push({ fromMs, toMs: Math.min(lostMs, outMs) });
  await struck.expectMeanwhile?.();
  const isMade = (await struck.isMade?.()) ?? true;
  await struck.mend();
  load.note("mended");
  await comeRight(chaos, step, wanted, refusal);
  await expectOperated(chaos, step, wanted);
  await struck.expectAfterwards?.();
  await chaos.expectSettled();
  if (chaos.etcd) await expectAgreed(chaos.site);
  load.note("settled");
  return isMade;
}

/** What people do when all is mended: the same again, where it was refused. */
async function comeRight(
  chaos: ChaosCluster,
  step: Step,
  wanted: Declared,
  refusal: Error | undefined,
): Promise<void> {
  if (refusal && boundOf(step.fault) === 0 && !mayRefuse(step.fault)) throw refusal;
  await chaos.awaitAgents();
  await expectOwned(chaos);
  await chaos.plantForeign();
  for (let attempt = 1; refusal !== undefined; attempt++) {
    const again = await operate(chaos, step, wanted).catch((error: Error) => error);
    if (!again) break;
    if (attempt === ATTEMPTS) throw again;
    await delay(1_000);
  }
}
