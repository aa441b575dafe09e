import { setTimeout as delay } from "node:timers/promises";
import { servicesOf } from "../plan";
import type { Agent } from "./agent";
import { Answering } from "./answering";
import { countServers } from "./kernel-table";
import { networkOf } from "./network";
import type { Order, Scraped } from "./order";
import { until } from "./until";

/** How often Prometheus asks here: three times as often as it does in most places. */
const EVERY_MS = 5_000;
/** Reading a table of 10,000 takes a tenth of a second or more. */
const LOOK_MS = 500;
const PATIENCE_MS = 240_000;
/** What a start leaves to be done is over by then. */
const SETTLE_MS = 3_000;

/** Starts an agent on an empty table, and watches it twice for `idleS` seconds: while it only checks, and while it is scraped too. */
export async function scrapes(agent: Agent, { plan, pace, idleS }: Order): Promise<Scraped> {
  const services = servicesOf(plan);
  const [first] = services;
  const networks = (first?.members ?? []).map(({ address }) => networkOf(address));
  const servers = await Answering.up(networks, first?.port ?? 0);
  await agent.prepare(services, pace);
  const daemon = agent.launch();
  try {
    await until(() => countServers() === plan.virtualServers * plan.servers, daemon, PATIENCE_MS, LOOK_MS);
    await delay(SETTLE_MS);
    const cpuFor = async (work: Promise<unknown>) => {
      const before = daemon.cpuS();
      await work;
      return daemon.cpuS() - before;
    };
    const idleCpuS = await cpuFor(delay(idleS * 1000));
    const [scrapesS, bytes]: [number[], number[]] = [[], []];
    const scrape = async () => {
      for (const end = performance.now() + idleS * 1000; performance.now() < end; ) {
        const began = performance.now();
        bytes.push((await agent.metrics()).length);
        scrapesS.push((performance.now() - began) / 1000);
        await delay(Math.max(0, Math.min(began + EVERY_MS, end) - performance.now()));
      }
    };
    const scrapedCpuS = await cpuFor(scrape());
    return { scrapedCpuS, idleCpuS, scrapesS, bytes: Math.max(...bytes), peakMb: daemon.peakMb() };
  } finally {
    await daemon.end();
    await servers.end();
  }
}
