import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Controller } from "./controller";

/** What Prometheus may read of a controller; read from it when it is asked for. */
export function metricsOf(controller: Controller, version: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `heye_kubernetes_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `heye_kubernetes_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  const { counts, collections, leader, member, events } = controller;
  new Gauge({
    name: "heye_kubernetes_info",
    help: "The version of this controller.",
    labelNames: ["version"],
    registers: [registry],
  }).set({ version }, 1);
  gauge("leader", "Whether this replica is the one that tells directors (1).", () => (leader.leads ? 1 : 0));
  gauge("members", "Replicas that share, as this one sees it; 0: it has no share.", () => member.members);
  gauge("synced", "Whether all collections have been read once.", () => (controller.isSynced ? 1 : 0));
  gauge("balanced_services", "Services of the class heye.io/ipvs.", () => controller.balancer.size);
  new Gauge({
    name: "heye_kubernetes_director_up",
    help: "Whether a director has answered when the leader last asked it.",
    labelNames: ["director"],
    registers: [registry],
    collect() {
      for (const { name, isThere } of controller.balancer.directors)
        this.set({ director: name }, isThere ? 1 : 0);
    },
  });
  gauge("objects", "Objects that this replica looks after: its share.", () => controller.followed.size);
  gauge(
    "objects_known",
    "Objects that are to be looked after, by whichever replica.",
    () => controller.known,
  );
  gauge("probes", "Different questions that are asked of servers.", () => controller.checks.size);
  gauge("writes_pending", "Objects that wait for a write.", () => controller.pending);
  counter("writes_total", "Writes of Endpoints, EndpointSlices and Services.", () => counts.writes);
  counter("servers_down_total", "Addresses that were taken out.", () => counts.down);
  counter("servers_up_total", "Addresses that were put in.", () => counts.up);
  counter("watch_troubles_total", "Lists and watches that broke off.", () => counts.troubles);
  counter(
    "lists_total",
    "Collections that were read whole.",
    () => collections.lists + controller.balancer.lists,
  );
  counter("unreadable_objects_total", "Objects that could not be read.", () => counts.unreadable);
  counter("events_dropped_total", "Events that were never written.", () => events.dropped);
  checkMetrics(controller, registry);
  new Counter({
    name: "heye_kubernetes_writes_refused_total",
    help: "Writes that were refused, by HTTP status; 0: no answer.",
    labelNames: ["status"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [status, count] of counts.refusals) this.inc({ status: String(status) }, count);
    },
  });
  return registry;
}

const CHECK_COUNTERS = {
  checks: "Checks that were begun.",
  failures: "Checks that failed.",
  inconclusive: "Checks that this host could not make.",
  late: "Checks that began late.",
  overdue: "Checks that were given up.",
  transitions: "Servers that went down or came back.",
} as const;

function checkMetrics(controller: Controller, registry: Registry): void {
  for (const [what, help] of Object.entries(CHECK_COUNTERS)) {
    const name = what as keyof typeof CHECK_COUNTERS;
    new Counter({
      name: `heye_kubernetes_${name === "checks" ? "checks" : `checks_${name}`}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(controller.checks.counters[name]);
      },
    });
  }
}
