import type { ServerHealth } from "../health";
import type { Subject } from "./subject";
import type { Wanted } from "./wanted";

/**
 * Who is down in the eyes of a replica that begins with these objects: probes of servers that every object which asks so says
 * are not ready. Its predecessor or the user has written that; to go by it changes nothing. Until checks confirm it, it is no
 * verdict either (checks.ts): objects may differ about a server, and a copy of an object may be late.
 */
export function believedDown(
  subjects: Iterable<{ readonly subject: Subject; readonly wanted: Wanted }>,
): ReadonlySet<string> {
  const [ready, notReady] = [new Set<string>(), new Set<string>()];
  for (const { subject, wanted } of subjects) {
    subject.groups.forEach(({ backends }, group) => {
      backends.forEach((backend, index) => {
        for (const key of wanted.keys[group]?.[index] ?? []) (backend.ready ? ready : notReady).add(key);
      });
    });
  }
  return new Set([...notReady].filter((key) => !ready.has(key)));
}

/** What is known of a server before it was asked. */
export function begun(healthy: boolean): ServerHealth {
  return { healthy, streak: 0, since: Date.now(), answer: "not checked yet", at: 0 };
}
