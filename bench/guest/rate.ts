import { setTimeout as delay } from "node:timers/promises";
import { servicesOf } from "../plan";
import { Answering } from "./answering";
import { Arrivals } from "./arrivals";
import type { Contestant } from "./contestant";
import { countServers } from "./kernel-table";
import { networkOf } from "./network";
import type { Order, Rated } from "./order";
import { until } from "./until";

const PATIENCE_MS = 120_000;
const LOOK_MS = 250;
/** Intervals after the start until what it leaves to be done is over, and all servers have been checked. */
const WARM = 3;

/** Starts a contestant, and counts for `idleS` seconds how many of its checks arrive at the servers, and how many late. */
export async function rate(contestant: Contestant, { plan, pace, idleS }: Order): Promise<Rated> {
  const services = servicesOf(plan);
  const members = services.flatMap((service) => service.members.map(({ address }) => address));
  const arrivals = new Arrivals(members, pace.intervalMs, performance.now());
  const servers = await Answering.up(
    [...new Set(members.map(networkOf))],
    services[0]?.port ?? 0,
    (address) => arrivals.arrived(address, performance.now()),
  );
  await contestant.prepare(services, pace);
  const daemon = contestant.launch();
  try {
    await until(() => countServers() === members.length, daemon, PATIENCE_MS, LOOK_MS);
    await delay(WARM * pace.intervalMs);
    arrivals.begin();
    const began = performance.now();
    await delay(idleS * 1000);
    const now = performance.now();
    return { ...arrivals.end(now), s: (now - began) / 1000 };
  } finally {
    await daemon.end();
    await servers.end();
  }
}
