import { setTimeout as delay } from "node:timers/promises";
import { servicesOf } from "../plan";
import type { Agent } from "./agent";
import { countServers } from "./kernel-table";
import type { Looked, Order } from "./order";
import { until } from "./until";

/** So many are due in the time for which it is watched: with its usual 2 s between them, that is a minute. */
const LOOKS = 30;
/** What a start, or a telling of metrics, leaves to be done is over after this part of that time. */
const SETTLE = 0.05;
const LOOK_MS = 500;
const PATIENCE_MS = 240_000;

/**
 * Starts an agent on an empty table, with servers of which nothing is asked, and watches it while it does nothing but look. A
 * look's length is what its own metrics say; they are asked for before and after, because to tell them takes longer than a
 * look.
 */
export async function looks(agent: Agent, { plan, idleS }: Order): Promise<Looked> {
  await agent.prepare(servicesOf(plan));
  const daemon = agent.launch((idleS * 1000) / LOOKS);
  const settled = () => delay(SETTLE * idleS * 1000);
  try {
    await until(() => countServers() === plan.virtualServers * plan.servers, daemon, PATIENCE_MS, LOOK_MS);
    await settled();
    const [before, began] = [looksIn(await agent.metrics()), performance.now()];
    await settled();
    const cpuBeforeS = daemon.cpuS();
    await delay(idleS * 1000);
    const cpuS = daemon.cpuS() - cpuBeforeS;
    const [after, ended] = [looksIn(await agent.metrics()), performance.now()];
    const count = after.count - before.count;
    if (count === 0) throw new Error("the agent did not look at its table");
    const looksEachS = count / ((ended - began) / 1000);
    return { lookS: (after.sumS - before.sumS) / count, lookCpuS: cpuS / (looksEachS * idleS) };
  } finally {
    await daemon.end();
  }
}

/** How often an agent has looked, and for how long altogether, by its metrics. */
export function looksIn(metrics: string): { readonly count: number; readonly sumS: number } {
  const value = (name: string) => {
    const found = new RegExp(`^heye_reconcile_duration_seconds_${name} (\\S+)$`, "m").exec(metrics)?.[1];
    if (found === undefined) throw new Error(`the agent does not tell the ${name} of its looks`);
    return Number(found);
  };
  return { count: value("count"), sumS: value("sum") };
}
