import type { Plan, PlannedService } from "../plan";

/** Where the clients find out what the table is: what the agent says, or the kernel of the director that they run on. */
export type TableSource = "agent" | "kernel";

/** What the clients of an agent's API are told, as JSON on their standard input. */
export interface ApiOrder {
  readonly socketPath: string;
  /** Virtual servers that they declare themselves, and take away at the end. */
  readonly plan: Plan;
  /** One that is declared already and has connections all the time; every other change is of its servers. */
  readonly busy?: PlannedService;
  readonly durationMs: number;
  readonly table: TableSource;
}

/** What the clients met. */
export interface Met {
  readonly readsPerS: number;
  readonly changesPerS: number;
  readonly readP99Ms: number;
  readonly changeP50Ms: number;
  readonly changeP99Ms: number;
  /** How often a server left the busy virtual server, or came back to it. */
  readonly moves: number;
  /** Answers that were none of those expected, and the first of them. */
  readonly errors: number;
  readonly firstError: string;
  /** Servers in the table that are not as they were declared last. */
  readonly wrong: number;
}
