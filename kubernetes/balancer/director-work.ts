import type { DirectorStep } from "./director-steps";

/** What {@link DirectorWork} works with. */
export interface DirectorWorkOptions {
  /** Makes a step. Never rejects. */
  readonly make: (step: DirectorStep) => Promise<void>;
  /** Whether a step tries again what was refused of late, and may well wait for it in vain. */
  readonly isDoubtful: (step: DirectorStep) => boolean;
}

/** Changes on their way to one director, and of these at most so many that are tried again: it takes 56 from all its clients. */
const PARALLEL = { all: 24, doubtful: 8 } as const;

/**
 * Changes of one director: one at a time of a virtual server, and many side by side. Each may wait for its servers as long as
 * their checks allow, and none waits for another one's.
 */
export class DirectorWork {
  readonly #options: DirectorWorkOptions;
  #waiting: readonly DirectorStep[] = [];
  /** By id; those that try again are told apart, so that they never take all the room. They never reject. */
  readonly #making = new Map<string, { readonly isDoubtful: boolean; readonly ended: Promise<void> }>();

  constructor(options: DirectorWorkOptions) {
    this.#options = options;
  }

  /** How many are on their way. */
  get size(): number {
    return this.#making.size;
  }

  /** Whether some wait for room that do not try again. */
  get isFull(): boolean {
    return this.#waiting.some((step) => !this.#options.isDoubtful(step));
  }

  /** Whether one is on its way to a virtual server. */
  has(id: string): boolean {
    return this.#making.has(id);
  }

  /** Makes these, as soon as there is room, in place of those that have not begun. */
  begin(steps: readonly DirectorStep[]): void {
    this.#waiting = steps;
    this.#fill();
  }

  /** Resolves when none is on its way. */
  async ended(): Promise<void> {
    await Promise.all([...this.#making.values()].map(({ ended }) => ended));
  }

  #fill(): void {
    this.#waiting = this.#waiting.filter((step) => {
      const isDoubtful = this.#options.isDoubtful(step);
      const isFull = this.size >= PARALLEL.all || (isDoubtful && this.#doubtful >= PARALLEL.doubtful);
      if (isFull || this.has(step.id)) return true;
      const ended = this.#options.make(step).then(() => {
        this.#making.delete(step.id);
        this.#fill();
      });
      this.#making.set(step.id, { isDoubtful, ended });
      return false;
    });
  }

  get #doubtful(): number {
    return [...this.#making.values()].filter(({ isDoubtful }) => isDoubtful).length;
  }
}
