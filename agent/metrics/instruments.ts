import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Registry as Declared } from "../../director/data";
import type { CheckOutcome, Observer } from "../observer";
import { registrations } from "../probes";
import type { Glance } from "./glance";

/** From a check on the same switch to one that takes the longest timeout that is sensible. */
const CHECK_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RECONCILE_BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** What of a glance is one number. */
interface Reading {
  readonly name: string;
  readonly help: string;
  readonly read: (glance: Glance) => number | undefined;
}

/**
 * The metrics of the agent itself: few series, whatever it watches. Those of virtual and real servers are many, and are written by
 * `renderServers`.
 */
export class Instruments implements Observer {
  readonly registry = new Registry();
  readonly #checks = new Histogram({
    name: "heye_check_duration_seconds",
    help: "How long health checks took, by kind of check and by what they came to.",
    labelNames: ["check", "outcome"],
    buckets: CHECK_BUCKETS_S,
    registers: [this.registry],
  });
  readonly #transitions = new Counter({
    name: "heye_health_transitions_total",
    help: "Servers that went down, or came back.",
    labelNames: ["to"],
    registers: [this.registry],
  });
  readonly #reconcile = new Histogram({
    name: "heye_reconcile_duration_seconds",
    help: "How long it took to compare the table with what it is to be, and to make it so.",
    buckets: RECONCILE_BUCKETS_S,
    registers: [this.registry],
  });

  /**
   * @param about labels of heye_agent_info
   * @param glance what there is to see, once for each scrape; undefined: the agent is starting
   */
  constructor(
    about: Readonly<{ version: string; kernel: string }>,
    private readonly glance: () => Glance | undefined,
  ) {
    for (const to of ["up", "down"]) this.#transitions.inc({ to }, 0);
    const info = new Gauge({
      name: "heye_agent_info",
      help: "Always 1; its labels say which agent this is.",
      labelNames: ["version", "kernel"],
      registers: [this.registry],
    });
    info.set(about, 1);
    for (const reading of GAUGES) this.#read(reading);
    for (const reading of COUNTERS) this.#count(reading);
    this.#drains();
    collectDefaultMetrics({ register: this.registry });
  }

  checked(check: string, outcome: CheckOutcome, tookMs: number): void {
    this.#checks.observe({ check, outcome }, tookMs / 1000);
  }

  turned(healthy: boolean): void {
    this.#transitions.inc({ to: healthy ? "up" : "down" });
  }

  reconciled(tookMs: number): void {
    this.#reconcile.observe(tookMs / 1000);
  }

  #read({ name, help, read }: Reading): void {
    const { glance } = this;
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        const seen = glance();
        const value = seen && read(seen);
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }

  /** Counted elsewhere, and only told here. */
  #count({ name, help, read }: Reading): void {
    const { glance } = this;
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        const seen = glance();
        this.reset();
        this.inc((seen && read(seen)) ?? 0);
      },
    });
  }

  #drains(): void {
    const { glance } = this;
    new Gauge({
      name: "heye_drains",
      help: "Servers that are being drained, by who asked for it.",
      labelNames: ["by"],
      registers: [this.registry],
      collect() {
        const pools = glance()?.view.pools;
        const drains = pools?.drains.all ?? [];
        for (const by of ["operator", "change"] as const)
          this.set({ by }, drains.filter((one) => one.by === by).length);
        this.set({ by: "api" }, pools ? drainedByApi(pools.registry) : 0);
      },
    });
  }
}

/** How many servers the REST API has drained: that is declared, and no drain of this director alone. */
function drainedByApi(registry: Declared): number {
  const drained = [...registrations(registry).values()].map(
    ({ members }) => members.filter((one) => one.drained).length,
  );
  return drained.reduce((sum, one) => sum + one, 0);
}

const GAUGES: readonly Reading[] = [
  {
    name: "heye_ready",
    help: "1 unless this director itself is at fault or in maintenance; what /readyz says.",
    read: ({ faults }) => (faults.length === 0 ? 1 : 0),
  },
  {
    name: "heye_maintenance",
    help: "1 while an operator has asked for this director to be left out.",
    read: ({ maintenance }) => (maintenance ? 1 : 0),
  },
  {
    name: "heye_trouble",
    help: "1 while the table cannot be kept; /healthz says why.",
    read: ({ view }) => (view.trouble === undefined ? 0 : 1),
  },
  {
    name: "heye_registry_touched",
    help: "1 while the registry's file is not as the agent left it; /healthz says how.",
    read: ({ isRegistryTouched }) => (isRegistryTouched ? 1 : 0),
  },
  {
    name: "heye_drift_entries",
    help: "Entries that somebody else has changed, and that are only reported.",
    read: ({ view }) => view.drift.length,
  },
  {
    name: "heye_reconcile_last_success_timestamp_seconds",
    help: "When the table was last found, or made, as it is to be.",
    read: ({ view }) => view.reconciledAt / 1000,
  },
  {
    name: "heye_checks_running",
    help: "Health checks that are being made.",
    read: ({ view }) => view.pools.watch.counters.running,
  },
  {
    name: "heye_connections",
    help: "Entries of the connection table that belong to a real server.",
    read: ({ connections }) => connections,
  },
  {
    name: "heye_connection_table_buckets",
    help: "Buckets of the kernel's connection table; it takes more entries than that, and slows down.",
    read: ({ buckets }) => buckets,
  },
  {
    name: "heye_registry_digest",
    help: "What is declared, as a number: the first 48 bits of its SHA-256.",
    read: ({ digests }) => digests?.registry,
  },
  {
    name: "heye_table_digest",
    help: "The table as it is declared, as a number: the same on directors that hold the same.",
    read: ({ digests }) => digests?.table,
  },
  {
    name: "heye_store_following",
    help: "1 while what directors share is followed. Only where they share an etcd.",
    read: ({ plane }) => plane && (plane.state === "following" ? 1 : 0),
  },
  {
    name: "heye_store_revision",
    help: "The revision of what is shared that this director has applied. Only where directors share an etcd.",
    read: ({ plane }) => plane?.revision,
  },
  {
    name: "heye_store_conflicts",
    help: "Entries of nobody that stand in the way of what is shared. Only where directors share an etcd.",
    read: ({ plane }) => plane?.conflicts.length,
  },
  {
    name: "heye_choice_digest",
    help: "How servers are chosen, as a number: the same on directors that choose alike, server health included.",
    read: ({ digests }) => digests?.choice,
  },
];

const COUNTERS: readonly Reading[] = [
  {
    name: "heye_repairs_total",
    help: "Edits that took back what somebody else had changed.",
    read: ({ view }) => view.repairs,
  },
  {
    name: "heye_checks_total",
    help: "Health checks that were begun.",
    read: ({ view }) => view.pools.watch.counters.checks,
  },
  {
    name: "heye_check_failures_total",
    help: "Health checks that failed.",
    read: ({ view }) => view.pools.watch.counters.failures,
  },
  {
    name: "heye_checks_inconclusive_total",
    help: "Health checks that this director could not make, and that say nothing of their servers.",
    read: ({ view }) => view.pools.watch.counters.inconclusive,
  },
  {
    name: "heye_checks_late_total",
    help: "Health checks that were begun late: the agent has too much to do.",
    read: ({ view }) => view.pools.watch.counters.late,
  },
  {
    name: "heye_checks_overdue_total",
    help: "Health checks that were given up: they did not end after their timeout.",
    read: ({ view }) => view.pools.watch.counters.overdue,
  },
];
