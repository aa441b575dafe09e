import { Agenda, type Planned } from "./agenda";
import { type CheckResult, runCheck } from "./check";
import type { Dial } from "./checker";
import { STANDSTILL_MS } from "./deadline";
import { type History, type PastCheck, remember, type Transition } from "./history";
import { judge, type ServerHealth } from "./judge";
import {
  type MonitorClock,
  type MonitorCounters,
  type MonitorOptions,
  SYSTEM_CLOCK,
} from "./monitor-options";
import type { Probe } from "./probe";
import { Spread } from "./spread";

/** How long after its own timeout a check is given up, in ms. */
const PATIENCE_MS = 1_000;
/** How many checks are begun before answers get a turn again. */
const TURN = 50;

/** A probe that is repeated. Planned: its next check or, while one is being made, the time at which that is given up. */
interface Watched extends Planned {
  readonly key: string;
  readonly probe: Probe;
  readonly results: PastCheck[];
  readonly transitions: Transition[];
  health: ServerHealth;
  /** By the monotonic clock: when the last check was due, in whole intervals, and when it began. */
  dueMs: number;
  begunMs: number;
  /** Ends the check that is being made. */
  check: AbortController | undefined;
  /** Whether that check has been given more time, because this process stood still. */
  prolonged: boolean;
}

/**
 * Checks servers continuously. Checks of one interval are spread evenly over it, and keep their places in it: a check
 * that begins late moves no later one. No check begins while the one before it, of the same probe, is being made.
 *
 * A check that does not end, whatever its checker does, is given up 1 s after its timeout and has failed.
 */
export class Monitor {
  readonly #dial: Dial;
  readonly #onTransition: MonitorOptions["onTransition"];
  readonly #onResult: MonitorOptions["onResult"];
  readonly #clock: MonitorClock;
  readonly #spread: Spread;
  readonly #watched = new Map<string, Watched>();
  readonly #agenda = new Agenda<Watched>();
  /** Checks that have not ended, of probes that are gone as well; not those given up. */
  readonly #open = new Map<AbortController, Promise<void>>();
  readonly #counts = {
    checks: 0,
    failures: 0,
    inconclusive: 0,
    late: 0,
    overdue: 0,
    transitions: 0,
    running: 0,
  };
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor({ dial, onTransition, onResult, clock = SYSTEM_CLOCK, random = Math.random }: MonitorOptions) {
    this.#dial = dial;
    this.#onTransition = onTransition;
    this.#onResult = onResult;
    this.#clock = clock;
    this.#spread = new Spread(random());
  }

  /**
   * Declares all that is to be checked from now on. Probes that are new start from what `initial` says, at some time
   * within their interval; those that stay go on undisturbed; those that are gone end at once, and a check that is being
   * made says nothing any more.
   *
   * @param probes by their {@link probeKey}: what has the same key is taken for the same
   */
  watch(probes: ReadonlyMap<string, Probe>, initial: (key: string) => ServerHealth): void {
    for (const one of this.#watched.values()) if (!probes.has(one.key)) this.#forget(one);
    for (const [key, probe] of probes) if (!this.#watched.has(key)) this.#take(key, probe, initial(key));
    this.#arm();
  }

  /** What is known of a probe's server; undefined: nobody declared it. */
  health(key: string): ServerHealth | undefined {
    return this.#watched.get(key)?.health;
  }

  /** The last 20 results and the last 20 transitions of a probe, the newest at the end. */
  history(key: string): History | undefined {
    const one = this.#watched.get(key);
    return one && { results: [...one.results], transitions: [...one.transitions] };
  }

  /** As of now. */
  get counters(): MonitorCounters {
    return { ...this.#counts };
  }

  /** Ends all checks, and waits until they have let go of their connections; not for ones that do not end. */
  async stop(): Promise<void> {
    for (const one of this.#watched.values()) this.#forget(one);
    this.#arm();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([Promise.all(this.#open.values()), patience]);
    clearTimeout(timer);
  }

  #take(key: string, probe: Probe, health: ServerHealth): void {
    const { intervalMs, warmupMs = intervalMs } = probe.check;
    const now = this.#clock.monotonicMs();
    const none = { dueMs: now, begunMs: now, check: undefined, prolonged: false, at: now, place: -1 };
    const one: Watched = { key, probe, health, results: [], transitions: [], ...none };
    this.#watched.set(key, one);
    this.#agenda.plan(one, now + this.#spread.next(intervalMs) * warmupMs);
  }

  #forget(one: Watched): void {
    this.#watched.delete(one.key);
    this.#agenda.drop(one);
    if (one.check === undefined) return;
    this.#counts.running--;
    one.check.abort(new Error("no longer wanted"));
    one.check = undefined;
  }

  /** Sees to it that the timer fires in time for what comes first. One that fires too early sets itself again. */
  #arm(): void {
    const at = this.#agenda.first?.at ?? Number.POSITIVE_INFINITY;
    if (at >= this.#armedFor && at !== Number.POSITIVE_INFINITY) return;
    clearTimeout(this.#timer);
    this.#armedFor = at;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(this.#work, Math.max(0, Math.ceil(at - this.#clock.monotonicMs())));
  }

  readonly #work = (): void => {
    this.#armedFor = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TURN; turn++) {
      const one = this.#agenda.first;
      const now = this.#clock.monotonicMs();
      if (one === undefined || one.at > now) break;
      if (one.check === undefined) this.#begin(one, now);
      else this.#giveUp(one, one.check, now);
    }
    this.#arm();
  };

  #begin(one: Watched, now: number): void {
    const { check, target } = one.probe;
    const lateMs = now - one.at;
    if (lateMs > Math.max(100, check.intervalMs / 10)) this.#counts.late++;
    // What was missed altogether is not made up for, or all that waited would keep step from then on.
    one.dueMs = one.at + Math.floor(lateMs / check.intervalMs) * check.intervalMs;
    one.begunMs = now;
    one.prolonged = false;
    const controller = new AbortController();
    one.check = controller;
    this.#counts.checks++;
    this.#counts.running++;
    this.#agenda.plan(one, now + check.timeoutMs + PATIENCE_MS);
    const ended = runCheck(check, target, this.#dial, controller.signal).then((result) => {
      this.#open.delete(controller);
      if (one.check === controller) this.#end(one, result);
    });
    this.#open.set(controller, ended);
  }

  #giveUp(one: Watched, check: AbortController, now: number): void {
    if (now - one.at > STANDSTILL_MS && !one.prolonged) {
      one.prolonged = true;
      this.#agenda.plan(one, now + one.probe.check.timeoutMs + PATIENCE_MS);
      return;
    }
    this.#counts.overdue++;
    const answer = `the check did not end within ${Math.round(now - one.begunMs)} ms, and was given up`;
    this.#open.delete(check);
    check.abort(new Error(answer));
    this.#end(one, { healthy: false, answer });
  }

  #end(one: Watched, result: CheckResult): void {
    const { check } = one.probe;
    const now = this.#clock.monotonicMs();
    const at = this.#clock.wallMs();
    one.check = undefined;
    this.#counts.running--;
    if (result.inconclusive) this.#counts.inconclusive++;
    else if (!result.healthy) this.#counts.failures++;
    remember(one.results, { at, ...result, tookMs: now - one.begunMs });
    this.#onResult?.(one.probe, result, now - one.begunMs);
    const { healthy } = one.health;
    one.health = judge(one.health, result, check, at);
    const pauseMs = result.healthy ? check.intervalMs : (check.retryMs ?? check.intervalMs);
    this.#agenda.plan(one, Math.max(one.dueMs + pauseMs, now));
    this.#arm();
    if (one.health.healthy === healthy) return;
    this.#counts.transitions++;
    remember(one.transitions, { at, healthy: result.healthy, answer: result.answer });
    this.#onTransition(one.key, one.health);
  }
}
