import type { ServerStatus, ServiceStatus } from "../../status";

/** A state in a word, and how it is coloured; the word says it without the colour. */
export interface State {
  readonly word: string;
  readonly tone: "good" | "bad" | "warn" | "rest" | "";
}

export function serverState({ reasons, health, kernelWeight, effectiveWeight }: ServerStatus): State {
  if (health && !health.healthy) return { word: "down", tone: "bad" };
  if (reasons.includes("held")) return { word: "waits", tone: "rest" };
  if (reasons.some((one) => one.startsWith("drain"))) return { word: "drained", tone: "rest" };
  if (effectiveWeight > 0 && kernelWeight !== effectiveWeight) return { word: "not taken", tone: "warn" };
  return health ? { word: "up", tone: "good" } : { word: "unchecked", tone: "" };
}

/** `192.0.2.9` before `192.0.2.10`. */
const order = new Intl.Collator("en", { numeric: true });

/** Virtual servers as people count. */
export function inOrder(services: readonly ServiceStatus[]): ServiceStatus[] {
  return [...services].sort((a, b) => order.compare(a.service, b.service));
}

/** The place of a virtual server on the page. */
export function idOf(service: string): string {
  return `pool-${service.replace(/[^a-z0-9]+/g, "-")}`;
}

/** Whether somebody should look at a pool. */
export function isWrong(service: ServiceStatus): boolean {
  return !service.up || service.servers.some((one) => ["bad", "warn"].includes(serverState(one).tone));
}

export function poolState(service: ServiceStatus): State {
  const all = service.servers.length;
  const down = service.servers.filter((one) => serverState(one).word === "down").length;
  if (!service.up) return { word: "no quorum", tone: "bad" };
  if (down > 0) return { word: `${down} of ${all} down`, tone: "bad" };
  if (isWrong(service)) return { word: "not as wanted", tone: "warn" };
  return { word: `${all} ${all === 1 ? "server" : "servers"}`, tone: "good" };
}

export function weightWords({ configuredWeight, effectiveWeight }: ServerStatus): string {
  return configuredWeight === effectiveWeight
    ? `${effectiveWeight}`
    : `${effectiveWeight} of ${configuredWeight}`;
}

/** A span of time, as short as it can be read. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7_200) return `${Math.floor(s / 60)} min`;
  return s < 172_800 ? `${Math.floor(s / 3_600)} h` : `${Math.floor(s / 86_400)} d`;
}

export function clock(atMs: number): string {
  return new Date(atMs).toLocaleTimeString("en-GB");
}
