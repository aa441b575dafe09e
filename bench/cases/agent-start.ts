import { type Bench, BenchError, type BenchOptions } from "../bench";
import type { Pace } from "../checked";
import type { CheckedFirst, Looked, Order, Started } from "../guest/order";
import { measureInside, programs } from "../in-director";
import type { Measurement } from "../record";
import { interleaved } from "../rounds";
import type { BenchSite } from "../site";

const FULL = { plan: { virtualServers: 1_000, servers: 10 }, idleS: 20, looksS: 60 } as const;
const SMALL = { plan: { virtualServers: 5, servers: 2 }, idleS: 2, looksS: 2 } as const;
/** 167 checks a second of 10,000 servers: what the lab's processor can do with time to spare. */
const PACE: Pace = { intervalMs: 60_000, timeoutMs: 5_000, fall: 3 };
const QUICK_PACE: Pace = { intervalMs: 500, timeoutMs: 500, fall: 3 };
/** Of the checks that the interval promises; in 2 s a machine that stands still for one loses half of them. */
const ENOUGH = 0.7;
const ENOUGH_QUICK = 0.3;

/** What a daemon with a large table costs: to start, to change, to leave alone. */
export const agentStart: Bench = {
  about:
    "1,000 virtual servers x 10 servers: start, also with checks first, one more server, and 20 s of checks, against keepalived",
  async run(options: BenchOptions): Promise<Measurement[]> {
    const site = await options.sites.get(options.quick ? 3 : 1);
    return [
      ...(await starts(site, options)),
      ...(await checkedStarts(site, options)),
      ...(await looks(site, options)),
    ];
  },
};

/** With servers that count as up until checks fail. */
async function starts(site: BenchSite, { rounds, quick, say }: BenchOptions): Promise<Measurement[]> {
  const { plan, idleS } = quick ? SMALL : FULL;
  const order = { plan, idleS, pace: quick ? QUICK_PACE : PACE, ...(await programs()) };
  const take = (contestant: Order["contestant"]) => async () => {
    const started = await measureInside(site, "start", { contestant, ...order });
    const { startS, changeS, startCpuS, idleCpuS, peakMb, checks } = started;
    say(
      `${contestant}: start ${startS.toFixed(2)} s (CPU ${startCpuS.toFixed(2)} s), change ${changeS.toFixed(3)} s, ` +
        `${checks} checks with CPU ${idleCpuS.toFixed(2)} s, ${peakMb.toFixed(0)} MB`,
    );
    const promised = (plan.virtualServers * plan.servers * idleS * 1000) / order.pace.intervalMs;
    expectChecks(contestant, checks, promised, quick ? ENOUGH_QUICK : ENOUGH);
    return started;
  };
  const runs = await interleaved<Started, "ours" | "peer">(rounds, {
    ours: take("agent"),
    peer: take("keepalived"),
  });
  return measurementsOf(runs);
}

/** Whoever checks less than agreed saves what is measured. */
function expectChecks(who: string, checks: number, promised: number, enough: number): void {
  if (checks < enough * promised)
    throw new BenchError(`${who} made ${checks} checks where ${promised.toFixed(0)} were due`);
}

function measurementsOf({ ours, peer }: Record<"ours" | "peer", Started[]>): Measurement[] {
  const both = (key: keyof Started) => ({
    ours: ours.map((run) => run[key]),
    peer: peer.map((run) => run[key]),
  });
  return [
    {
      ...{
        name: "agent-start/start",
        unit: "s",
        against: "keepalived, which checks no server before either",
      },
      ...both("startS"),
    },
    { name: "agent-start/change", unit: "s", against: "keepalived's reload", ...both("changeS"), aim: 0.1 },
    { name: "agent-start/start-cpu", unit: "s", against: "keepalived", ...both("startCpuS") },
    { name: "agent-start/idle-cpu", unit: "s", against: "keepalived, as many checks", ...both("idleCpuS") },
    { name: "agent-start/memory", unit: "MB", against: "keepalived", ...both("peakMb") },
  ];
}

/** With servers that count as down until a check succeeds. */
async function checkedStarts(site: BenchSite, { rounds, quick, say }: BenchOptions): Promise<Measurement[]> {
  const { plan } = quick ? SMALL : FULL;
  const pace = { ...(quick ? QUICK_PACE : PACE), checkedFirst: true };
  const order = { plan, pace, idleS: 0, ...(await programs()) };
  const take = (contestant: Order["contestant"]) => async () => {
    const started = await measureInside(site, "checked-first", { contestant, ...order });
    const { startS, startCpuS } = started;
    say(`${contestant}, checked first: start ${startS.toFixed(2)} s (CPU ${startCpuS.toFixed(2)} s)`);
    return started;
  };
  const { ours, peer } = await interleaved<CheckedFirst, "ours" | "peer">(rounds, {
    ours: take("agent"),
    peer: take("keepalived"),
  });
  const both = (key: keyof CheckedFirst) => ({
    ours: ours.map((run) => run[key]),
    peer: peer.map((run) => run[key]),
  });
  const same = { unit: "s", against: "keepalived with alpha" } as const;
  return [
    { name: "agent-start/checked-first", ...same, ...both("startS") },
    { name: "agent-start/checked-first-cpu", ...same, ...both("startCpuS") },
  ];
}

/** Of an agent whose table stays as it is, and that asks nothing of any server. */
async function looks(site: BenchSite, { rounds, quick, say }: BenchOptions): Promise<Measurement[]> {
  const { plan, looksS } = quick ? SMALL : FULL;
  const order = { plan, idleS: looksS, pace: PACE, ...(await programs()) };
  const all: Looked[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = await measureInside(site, "looks", { contestant: "agent", ...order });
    say(`agent: a look ${one.lookS.toFixed(4)} s, CPU ${one.lookCpuS.toFixed(4)} s`);
    all.push(one);
  }
  const same = { unit: "s", against: "nothing", peer: [] } as const;
  return [
    { name: "agent-start/look", ...same, ours: all.map(({ lookS }) => lookS) },
    { name: "agent-start/look-cpu", ...same, ours: all.map(({ lookCpuS }) => lookCpuS) },
  ];
}
