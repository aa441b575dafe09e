import type { Logger } from "pino";
import { realServerKey, type VirtualServer } from "../../spec";
import { wordsOf } from "../api-errors";
import { pause, pauseMs } from "../backoff";
import { canonical } from "../canonical";
import { type DirectorClient, DirectorError } from "./director-client";
import { type DirectorStep, directorSteps } from "./director-steps";
import { DirectorWork } from "./director-work";
import { type Held, isSame, type ServicePlan } from "./plan";
import { whileAllowed } from "./while-allowed";

/** What a {@link DirectorLoop} works with. */
export interface DirectorLoopOptions {
  readonly client: Pick<DirectorClient, "name" | "list" | "put" | "remove">;
  readonly log: Pick<Logger, "info" | "warn">;
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
/** How long it is not asked again while changes are on their way, in ms: each that ends would ask. */
const SOON_MS = 500;

/** Sees to it that one director has what it is to have. One that is away is caught up when it answers again. */
export class DirectorLoop {
  readonly #options: DirectorLoopOptions;
  #known: ReadonlyMap<string, VirtualServer | "foreign"> | undefined;
  /** What it had when it answered last. */
  #ids: readonly string[] = [];
  #wasAsked = false;
  /** Ids that were changed since it was last asked. */
  readonly #touched = new Set<string>();
  /** Ids that were claimed since this replica leads, and not declared yet: what stands there is not ours. */
  readonly #fresh = new Set<string>();
  readonly #refused = new Map<string, { readonly servers: ReadonlySet<string>; readonly untilMs: number }>();
  /** Ids of which servers were refused, and that have not been let in since. */
  readonly #doubtful = new Set<string>();
  readonly #work: DirectorWork;
  #isStale = false;
  /** The steps of the last turn, as text, by id: what did not help is not done again at once. */
  #last: ReadonlyMap<string, string> = new Map();
  /** Why a change could not be made: the director is away, or busy. */
  #trouble: unknown;
  #failures = 0;
  /** Fires when the loop is to end. */
  #ending: AbortSignal = new AbortController().signal;
  #wake: (() => void) | undefined;

  constructor(options: DirectorLoopOptions) {
    this.#options = options;
    this.#work = new DirectorWork({
      make: (step) => this.#make(step),
      isDoubtful: ({ id }) => this.#doubtful.has(id),
    });
  }

  get name(): string {
    return this.#options.client.name;
  }

  /** Whether it has answered the last time it was asked. */
  get isThere(): boolean {
    return this.#known !== undefined;
  }

  /** Ids of what it has, or had when it answered last: while it is away, it still serves. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** Whether it was asked since this replica leads, and has answered or is away. */
  get wasAsked(): boolean {
    return this.#wasAsked;
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
    if (this.#known === undefined) return;
    const isNew = (step: DirectorStep) => canonical(step) !== this.#last.get(step.id);
    if (this.#steps().some(isNew)) this.#lookAgain();
  }

  #lookAgain(): void {
    this.#isStale = true;
    this.#wake?.();
  }

  #steps(): DirectorStep[] {
    const refused = (id: string) => this.#refused.get(id)?.servers ?? new Set<string>();
    return directorSteps(this.name, this.#options.plans(), this.held, refused);
  }

  /** Works until the signal fires. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    this.#ending = signal;
    const wake = () => this.#wake?.();
    signal.addEventListener("abort", wake, { once: true });
    while (!signal.aborted) {
      let waitMs = LOOK_MS;
      let wakes = true;
      try {
        if (this.#options.mayWrite()) await this.#turn(signal);
        else {
          // Another replica changes it meanwhile.
          this.#known = undefined;
          this.#wasAsked = false;
          this.#trouble = undefined;
          this.#fresh.clear();
          this.#work.begin([]);
          this.#failures = 0;
          waitMs = FORBIDDEN_MS;
        }
      } catch (error) {
        if (signal.aborted) break;
        wakes = false;
        this.#known = undefined;
        if (!this.#wasAsked) this.#options.onChange();
        this.#wasAsked = true;
        this.#isStale = false;
        this.#work.begin([]);
        const askedMs = error instanceof DirectorError ? error.retryAfterMs : undefined;
        waitMs = pauseMs(++this.#failures, askedMs);
        const about = { event: "director", director: this.name, error: wordsOf(error) };
        log.warn({ ...about, againMs: Math.round(waitMs) }, "a director does not follow");
      }
      await this.#pause(waitMs, wakes, signal);
      if (this.#work.size > 0) await pause(SOON_MS, signal);
    }
    this.#work.begin([]);
    await this.#work.ended();
  }

  /** Asks what it has, and begins what has to be done. It does not wait for that: some of it waits for servers. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { client, onChange } = this.#options;
    const trouble = this.#trouble;
    this.#trouble = undefined;
    if (trouble !== undefined) throw trouble;
    // What changes from here on is looked at again: the answer may be older.
    this.#isStale = false;
    const touched = [...this.#touched].filter((id) => !this.#work.has(id));
    this.#known = await client.list(signal);
    this.#ids = [...this.#known.keys()];
    this.#wasAsked = true;
    for (const id of touched) this.#touched.delete(id);
    this.#recognise();
    onChange();
    const nowMs = performance.now();
    for (const [id, { untilMs }] of this.#refused) if (untilMs <= nowMs) this.#refused.delete(id);
    const steps = this.#steps();
    this.#last = new Map(steps.map((step) => [step.id, canonical(step)]));
    this.#work.begin(steps);
    if (this.#work.size === 0) this.#failures = 0;
  }

  async #make(step: DirectorStep): Promise<void> {
    const { log, mayWrite, onRefused } = this.#options;
    if (!mayWrite() || this.#ending.aborted) return;
    this.#touched.add(step.id);
    try {
      await whileAllowed(this.#ending, mayWrite, (signal) => this.#send(step, signal));
      const about = { event: "balance", director: this.name, id: step.id };
      log.info({ ...about, service: step.service, step: step.kind }, "a director follows");
      this.#failures = 0;
      if (!this.#work.isFull) this.#lookAgain();
    } catch (error) {
      if (this.#ending.aborted || !mayWrite()) return;
      // What it will not take is no reason to leave it alone.
      if (error instanceof DirectorError && !error.isPassing) {
        onRefused(step.service, `${this.name} refuses ${step.id}: ${error.message}`);
        return;
      }
      this.#trouble ??= error;
      this.#lookAgain();
    }
  }

  async #send(step: DirectorStep, signal: AbortSignal): Promise<void> {
    if (step.kind === "delete") await this.#options.client.remove(step.id, signal);
    else for (const body of step.bodies) await this.#put(step.id, step.service, body, signal);
  }

  /** Servers that do not become healthy are left out, and tried again later. */
  async #put(id: string, service: string, body: VirtualServer, signal: AbortSignal): Promise<void> {
    const { onRefused } = this.#options;
    try {
      await this.#declare(id, body, signal);
      if (!this.#refused.has(id)) this.#doubtful.delete(id);
    } catch (error) {
      // Without an answer it may have been declared.
      if (error instanceof DirectorError && error.status === 0) this.#fresh.delete(id);
      if (!(error instanceof DirectorError) || error.unhealthy.length === 0) throw error;
      const servers = new Set([...(this.#refused.get(id)?.servers ?? []), ...error.unhealthy]);
      this.#refused.set(id, { servers, untilMs: performance.now() + REFUSED_MS });
      this.#doubtful.add(id);
      onRefused(service, `${this.name} does not let in ${[...servers].join(", ")} yet: ${error.message}`);
      const realServers = (body.realServers ?? []).filter((one) => !servers.has(realServerKey(one)));
      await this.#declare(id, { ...body, realServers }, signal);
    }
    this.#fresh.delete(id);
  }

  /** @throws DirectorError, also where another replica may lead by now */
  async #declare(id: string, body: VirtualServer, signal: AbortSignal): Promise<void> {
    const { client, mayWrite } = this.#options;
    if (!mayWrite()) throw new DirectorError(0, `PUT ${id}`, "another replica may lead");
    await client.put(id, body, this.#fresh.has(id), signal);
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
