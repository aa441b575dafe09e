import { setTimeout as delay } from "node:timers/promises";
import { type PlannedService, servicesOf } from "../plan";
import { Answering } from "./answering";
import type { Contestant } from "./contestant";
import { countServers, readBeginning, TABLE_POLL_MS } from "./kernel-table";
import { networkOf } from "./network";
import type { Order, Started } from "./order";
import { until } from "./until";

/** Reading a table of 10,000 takes a tenth of a second or more: seldom enough to leave the processor to the contestant. */
const LOOK_MS = 500;
const PATIENCE_MS = 240_000;
/** What a start leaves to be done is over by then. */
const SETTLE_MS = 3_000;

/** The server that the change adds. */
const NEW_ADDRESS = "10.120.0.1";

/** Starts a contestant on an empty table, watches it while it only checks, and makes one change. */
export async function start(contestant: Contestant, { plan, pace, idleS }: Order): Promise<Started> {
  const services = servicesOf(plan);
  const [first] = services;
  const networks = [...(first?.members ?? []), { address: NEW_ADDRESS }].map(({ address }) =>
    networkOf(address),
  );
  const servers = await Answering.up(networks, first?.port ?? 0);
  await contestant.prepare(services, pace);
  const began = performance.now();
  const daemon = contestant.launch();
  try {
    await until(() => countServers() === plan.virtualServers * plan.servers, daemon, PATIENCE_MS, LOOK_MS);
    const startS = (performance.now() - began) / 1000;
    await delay(SETTLE_MS);
    const startCpuS = daemon.cpuS();
    servers.checks = 0;
    await delay(idleS * 1000);
    const idle = { idleCpuS: daemon.cpuS() - startCpuS, checks: servers.checks };
    const changeS = await addOne(contestant, services, pace, daemon);
    return { startS, startCpuS, ...idle, changeS, peakMb: daemon.peakMb() };
  } finally {
    await daemon.end();
    await servers.end();
  }
}

/** Seconds until the kernel holds one more server, in the virtual server that its table begins with. */
async function addOne(
  contestant: Contestant,
  services: readonly PlannedService[],
  pace: Order["pace"],
  daemon: Parameters<typeof until>[1],
): Promise<number> {
  const shown = readBeginning()[0]?.service;
  const more = services.map((one) => (`${one.address}:${one.port}` === shown ? withOneMore(one) : one));
  const change = await contestant.prepareChange(more, pace);
  const began = performance.now();
  let end = Number.NaN;
  const isThere = () =>
    readBeginning()[0]?.entries.some(({ server }) => server.startsWith(`${NEW_ADDRESS}:`)) === true;
  const seen = until(isThere, daemon, PATIENCE_MS, TABLE_POLL_MS).then(() => {
    end = performance.now();
  });
  await Promise.all([seen, change()]);
  return (end - began) / 1000;
}

function withOneMore(service: PlannedService): PlannedService {
  const added = { name: "new", address: NEW_ADDRESS, port: service.port };
  return { ...service, members: [...service.members, added] };
}
