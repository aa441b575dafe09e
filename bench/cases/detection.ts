import type { Bench, BenchOptions } from "../bench";
import type { Pace } from "../checked";
import { TABLE_POLL_MS } from "../guest/kernel-table";
import type { Detected } from "../guest/order";
import { measureInside, programs } from "../in-director";
import type { Plan } from "../plan";
import { type Measurement, median } from "../record";
import { interleaved } from "../rounds";

const FULL: Plan = { virtualServers: 4, servers: 10 };
const SMALL: Plan = { virtualServers: 2, servers: 2 };
const PACE: Pace = { intervalMs: 1_000, timeoutMs: 1_000, fall: 3 };
const QUICK_PACE: Pace = { intervalMs: 500, timeoutMs: 500, fall: 2 };

/** How long a server that has died is still sent new connections. */
export const detection: Bench = {
  about:
    "20 servers that refuse and 20 that fall silent, until the kernel sends them no new connection, against keepalived",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const site = await sites.get(quick ? 3 : 1);
    const order = {
      plan: quick ? SMALL : FULL,
      pace: quick ? QUICK_PACE : PACE,
      ...(await programs()),
      idleS: 0,
    };
    const take = (contestant: "agent" | "keepalived") => async () => {
      const detected = await measureInside(site, "detection", { contestant, ...order });
      const { refusedS, silentS } = detected;
      say(`${contestant}: refused ${shown(refusedS)}, silent ${shown(silentS)}`);
      return detected;
    };
    const runs = await interleaved<Detected, "ours" | "peer">(rounds, {
      ours: take("agent"),
      peer: take("keepalived"),
    });
    return (["refusedS", "silentS"] as const).flatMap((fault) => measurementsOf(fault, runs));
  },
};

/** All servers of all rounds together, and of each round the slowest. */
function measurementsOf(
  fault: keyof Detected,
  { ours, peer }: Record<"ours" | "peer", Detected[]>,
): Measurement[] {
  const name = `detection/${fault === "refusedS" ? "refused" : "silent"}`;
  const all = (runs: Detected[]) => runs.flatMap((run) => run[fault]);
  const worst = (runs: Detected[]) => runs.map((run) => Math.max(...run[fault]));
  const against = "keepalived, same interval, timeout and failures";
  const same = { unit: "s", against, aim: 1, resolution: TABLE_POLL_MS / 1_000 } as const;
  return [
    { ...same, name, ours: all(ours), peer: all(peer) },
    { ...same, name: `${name}-worst`, ours: worst(ours), peer: worst(peer) },
  ];
}

function shown(values: readonly number[]): string {
  return `${median(values).toFixed(3)} s, at most ${Math.max(...values).toFixed(3)} s`;
}
