import { setTimeout as delay } from "node:timers/promises";
import { servicesOf } from "../plan";
import { Answering } from "./answering";
import type { Contestant } from "./contestant";
import { countTakers } from "./kernel-table";
import { networkOf } from "./network";
import type { CheckedFirst, Order } from "./order";
import { until } from "./until";

/** As long as all are being checked only checks are counted: to read a table of 10,000 takes a tenth of a second or more. */
const LOOK_MS = 250;
const PATIENCE_MS = 240_000;
/** Connections that have been made are taken, and counted, by then. */
const TAKEN_MS = 50;

/**
 * Starts a contestant on an empty table, with servers that are all down as far as it knows: each is let in by its first check.
 *
 * @throws Error where servers were sent connections that had not been checked
 */
export async function startChecked(contestant: Contestant, { plan, pace }: Order): Promise<CheckedFirst> {
  const services = servicesOf(plan);
  const total = plan.virtualServers * plan.servers;
  const [first] = services;
  const networks = (first?.members ?? []).map(({ address }) => networkOf(address));
  const servers = await Answering.up(networks, first?.port ?? 0);
  await contestant.prepare(services, pace);
  const began = performance.now();
  const daemon = contestant.launch();
  try {
    await until(() => servers.checks >= total / 2, daemon, PATIENCE_MS);
    const takers = countTakers();
    await delay(TAKEN_MS);
    if (takers > servers.checks)
      throw new Error(`${takers} servers were in service when ${servers.checks} checks had been made`);
    await until(() => servers.checks >= total && countTakers() === total, daemon, PATIENCE_MS, LOOK_MS);
    return { startS: (performance.now() - began) / 1000, startCpuS: daemon.cpuS() };
  } finally {
    await daemon.end();
    await servers.end();
  }
}
