import type { ServerHealth } from "../health";
import type { Subject } from "./subject";
import type { Wanted } from "./wanted";

/** What is believed of servers before they have been asked. */
export interface Belief {
  /** Probes of servers that every object which asks so says are not ready. */
  readonly down: ReadonlySet<string>;
  /** Probes of servers of which objects say different things: nothing is known of them. */
  readonly disputed: ReadonlySet<string>;
}

/**
 * What a controller that begins goes by: the readiness that the objects hold, which its predecessor or the user has written.
 * To go by it changes nothing, and who is down is found out by checks.
 */
export function believed(subjects: Iterable<{ readonly subject: Subject; readonly wanted: Wanted }>): Belief {
  const [ready, notReady] = [new Set<string>(), new Set<string>()];
  for (const { subject, wanted } of subjects) {
    subject.groups.forEach(({ backends }, group) => {
      backends.forEach((backend, index) => {
        for (const key of wanted.keys[group]?.[index] ?? []) (backend.ready ? ready : notReady).add(key);
      });
    });
  }
  return {
    down: new Set([...notReady].filter((key) => !ready.has(key))),
    disputed: new Set([...notReady].filter((key) => ready.has(key))),
  };
}

/** What is known of a server before it was asked. */
export function begun(healthy: boolean): ServerHealth {
  return { healthy, streak: 0, since: Date.now(), answer: "not checked yet", at: 0 };
}
