import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { servicesOf } from "../plan";
import type { Contestant } from "./contestant";
import { countServers, readTable, TABLE_POLL_MS } from "./kernel-table";
import { Network, networkOf } from "./network";
import type { Detected, Order } from "./order";
import { until } from "./until";

/** A fault so often: each is to be over before the next concerns the table. */
const APART_MS = 250;
/** Beyond the longest that a detection may take by its settings, as a multiple of that. */
const PATIENCE = 10;

/** A real server that will fail. */
interface Victim {
  readonly address: string;
  readonly port: number;
  readonly fault: "refused" | "silent";
  /** When in its interval it fails, from 0 to 1. */
  readonly phase: number;
  server: Server;
  /** By this process's clock; undefined: it has not failed yet. */
  failedAt: number | undefined;
  outAt: number | undefined;
}

/**
 * Lets servers fail, one half by refusing, one half by silence, and sees in the kernel's own table when each takes no new
 * connection any more. When a server fails after its last check is what decides most: so they fail at times spread
 * evenly over the interval, the same for every contestant. They know their checks, because they are asked.
 */
export async function detect(contestant: Contestant, { plan, pace }: Order): Promise<Detected> {
  const services = servicesOf(plan);
  const members = services.flatMap((service) => service.members);
  const network = new Network();
  const addresses = members.map(({ address }) => `${address}/32`);
  network.lose([...new Set(members.map(({ address }) => networkOf(address)))]);
  network.answerFor(addresses);
  await network.settled();
  const victims = await Promise.all(members.map(listening));
  const poll = setInterval(() => look(victims), TABLE_POLL_MS);
  await contestant.prepare(services, pace);
  const daemon = contestant.launch();
  try {
    await until(() => countServers() === members.length, daemon, 60_000);
    // Every server has been asked before it fails.
    await delay(2 * pace.intervalMs);
    for (const one of victims) {
      failAfterCheck(one, pace.intervalMs, network);
      await delay(APART_MS);
    }
    const longestMs = pace.intervalMs * (2 + pace.fall) + pace.timeoutMs * pace.fall;
    await until(() => victims.every(({ outAt }) => outAt !== undefined), daemon, PATIENCE * longestMs);
  } finally {
    clearInterval(poll);
    await daemon.end();
    for (const { server } of victims) server.close();
    await network.end(
      victims.filter(({ fault }) => fault === "refused").map(({ address }) => `${address}/32`),
    );
  }
  return { refusedS: seconds(victims, "refused"), silentS: seconds(victims, "silent") };
}

async function listening(
  { address, port }: { readonly address: string; readonly port: number },
  index: number,
  all: readonly unknown[],
): Promise<Victim> {
  const server = createServer((socket) => socket.on("error", () => undefined).destroy());
  server.listen(port, address);
  await once(server, "listening");
  const fault = index % 2 === 0 ? "refused" : "silent";
  const phase = (Math.floor(index / 2) + 0.5) / Math.ceil(all.length / 2);
  return { address, port, fault, phase, server, failedAt: undefined, outAt: undefined };
}

function failAfterCheck(one: Victim, intervalMs: number, network: Network): void {
  one.server.once("connection", () => {
    setTimeout(() => {
      if (one.fault === "refused") one.server.close();
      else network.silence(`${one.address}/32`);
      one.failedAt = performance.now();
    }, one.phase * intervalMs);
  });
}

function look(victims: readonly Victim[]): void {
  const now = performance.now();
  const waiting = victims.filter(({ failedAt, outAt }) => failedAt !== undefined && outAt === undefined);
  if (waiting.length === 0) return;
  const takers = new Set(
    readTable().flatMap(({ entries }) =>
      entries.filter(({ weight }) => weight > 0).map(({ server }) => server),
    ),
  );
  for (const one of waiting) if (!takers.has(`${one.address}:${one.port}`)) one.outAt = now;
}

function seconds(victims: readonly Victim[], fault: Victim["fault"]): number[] {
  return victims
    .filter((one) => one.fault === fault)
    .map(({ failedAt = 0, outAt = Number.NaN }) => (outAt - failedAt) / 1000);
}
