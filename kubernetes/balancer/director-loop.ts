import type { Logger } from "pino";
import { realServerKey, type VirtualServer } from "../../spec";
import { wordsOf } from "../api-errors";
import { pauseMs } from "../backoff";
import { canonical } from "../canonical";
import { type DirectorClient, DirectorError } from "./director-client";
import { type DirectorStep, directorSteps } from "./director-steps";
import { type Held, isSame, type ServicePlan } from "./plan";

/** What a {@link DirectorLoop} works with. */
export interface DirectorLoopOptions {
  readonly client: DirectorClient;
  readonly log: Logger;
  readonly plans: () => ReadonlyMap<string, ServicePlan>;
  /** Whether anything may be changed now. */
  readonly mayWrite: () => boolean;
  /** Told when more is known of what it has. */
  readonly onChange: () => void;
  /** Told of what a director does not take, by the name of its Service. */
  readonly onRefused: (service: string, words: string) => void;
}

/** How often a director is asked what it has, in ms. */
const LOOK_MS = 5_000;
/** How often it is looked whether it may be asked, in ms. */
const FORBIDDEN_MS = 500;
/** How long a server that did not become healthy is not tried again, in ms. */
const REFUSED_MS = 15_000;
/** Changes on their way to one director: each may wait for its servers. */
const PARALLEL = 8;

/** Sees to it that one director has what it is to have. One that is away is caught up when it answers again. */
export class DirectorLoop {
  readonly #options: DirectorLoopOptions;
  #known: ReadonlyMap<string, VirtualServer | "foreign"> | undefined;
  /** Ids that were changed since it was last asked. */
  readonly #touched = new Set<string>();
  /** Ids that were claimed since this replica leads, and not declared yet: what stands there is not ours. */
  readonly #fresh = new Set<string>();
  readonly #refused = new Map<string, { readonly servers: ReadonlySet<string>; readonly untilMs: number }>();
  #isStale = false;
  /** The steps of the last turn, as text: what did not help is not done again at once. */
  #last = "";
  #wake: (() => void) | undefined;

  constructor(options: DirectorLoopOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.client.name;
  }

  /** Whether it has answered the last time it was asked. */
  get isThere(): boolean {
    return this.#known !== undefined;
  }

  /** Ids of what it has. */
  get ids(): Iterable<string> {
    return this.#known?.keys() ?? [];
  }

  readonly held = (id: string): Held => {
    if (this.#known === undefined || this.#touched.has(id)) return "unknown";
    const known = this.#known.get(id) ?? "absent";
    return known !== "absent" && this.#fresh.has(id) ? "foreign" : known;
  };

  /** Says that a claim of an id has been written down, or taken back. */
  claim(id: string, isClaimed: boolean): void {
    if (isClaimed && this.#known?.get(id) === undefined) this.#fresh.add(id);
    else this.#fresh.delete(id);
  }

  /** What stands as it is to stand came by another director that shares its declarations. */
  #recognise(): void {
    for (const { wanted } of this.#options.plans().values())
      for (const [id, body] of wanted) {
        const known = this.#known?.get(id);
        if (body && known && known !== "foreign" && isSame(known, body)) this.#fresh.delete(id);
      }
  }

  /** Says that the plans are new ones. */
  follow(): void {
    if (this.#known === undefined || canonical(this.#steps()) === this.#last) return;
    this.#isStale = true;
    this.#wake?.();
  }

  #steps(): DirectorStep[] {
    const refused = (id: string) => this.#refused.get(id)?.servers ?? new Set<string>();
    return directorSteps(this.name, this.#options.plans(), this.held, refused);
  }

  /** Works until the signal fires. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    const wake = () => this.#wake?.();
    signal.addEventListener("abort", wake, { once: true });
    while (!signal.aborted) {
      let waitMs = LOOK_MS;
      try {
        if (this.#options.mayWrite()) await this.#turn(signal);
        else {
          // Another replica changes it meanwhile.
          this.#known = undefined;
          this.#fresh.clear();
          waitMs = FORBIDDEN_MS;
        }
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#known = undefined;
        this.#isStale = false;
        waitMs = pauseMs(++failures, error instanceof DirectorError ? error.retryAfterMs : undefined);
        const words = {
          event: "director",
          director: this.name,
          error: wordsOf(error),
          againMs: Math.round(waitMs),
        };
        this.#options.log.warn(words, "a director does not follow");
      }
      await this.#pause(waitMs, failures === 0, signal);
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { client, onChange } = this.#options;
    const touched = [...this.#touched];
    this.#known = await client.list(signal);
    for (const id of touched) this.#touched.delete(id);
    this.#recognise();
    onChange();
    const nowMs = performance.now();
    for (const [id, { untilMs }] of this.#refused) if (untilMs <= nowMs) this.#refused.delete(id);
    this.#isStale = false;
    const steps = this.#steps();
    const before = this.#last;
    this.#last = canonical(steps);
    const outcomes = await inParallel(steps, (step) => this.#make(step, signal));
    this.#isStale ||= steps.length > 0 && this.#last !== before;
    for (const outcome of outcomes) if (outcome !== undefined) throw outcome;
  }

  /** @returns what went wrong; the others are made all the same */
  async #make(step: DirectorStep, signal: AbortSignal): Promise<unknown> {
    const { client, log, mayWrite, onRefused } = this.#options;
    if (!mayWrite() || signal.aborted) return undefined;
    this.#touched.add(step.id);
    try {
      if (step.kind === "delete") await client.remove(step.id, signal);
      else for (const body of step.bodies) await this.#put(step.id, step.service, body, signal);
      const about = {
        event: "balance",
        director: this.name,
        id: step.id,
        service: step.service,
        step: step.kind,
      };
      log.info(about, "a director follows");
      return undefined;
    } catch (error) {
      // What it will not take is no reason to leave it alone.
      if (!(error instanceof DirectorError && !error.isPassing)) return error;
      onRefused(step.service, `${this.name} refuses ${step.id}: ${error.message}`);
      return undefined;
    }
  }

  /** Servers that do not become healthy are left out, and tried again later. */
  async #put(id: string, service: string, body: VirtualServer, signal: AbortSignal): Promise<void> {
    const { client, onRefused } = this.#options;
    try {
      await client.put(id, body, this.#fresh.has(id), signal);
    } catch (error) {
      // Without an answer it may have been declared.
      if (error instanceof DirectorError && error.status === 0) this.#fresh.delete(id);
      if (!(error instanceof DirectorError) || error.unhealthy.length === 0) throw error;
      const servers = new Set([...(this.#refused.get(id)?.servers ?? []), ...error.unhealthy]);
      this.#refused.set(id, { servers, untilMs: performance.now() + REFUSED_MS });
      onRefused(service, `${this.name} does not let in ${[...servers].join(", ")} yet: ${error.message}`);
      const realServers = (body.realServers ?? []).filter((one) => !servers.has(realServerKey(one)));
      await client.put(id, { ...body, realServers }, this.#fresh.has(id), signal);
    }
    this.#fresh.delete(id);
  }

  async #pause(ms: number, wakes: boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted || (wakes && this.#isStale)) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        if (wakes || signal.aborted) resolve();
      };
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

/** Makes all of them, a few at a time. @returns the outcome of each */
async function inParallel<T, R>(all: readonly T[], make: (one: T) => Promise<R>): Promise<R[]> {
  const outcomes: R[] = [];
  const waiting = all.values();
  const worker = async () => {
    for (const one of waiting) outcomes.push(await make(one));
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return outcomes;
}
