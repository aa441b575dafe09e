import { join } from "node:path";
import { run } from "../../setup/command";
import { PROJECT_ROOT } from "../../setup/project";
import type { Bench, BenchOptions } from "../bench";
import { type Figures, figures, type Order, type Round } from "../kubernetes/figures";
import { type Measurement, median } from "../record";

/** How long a server that has died is still ready in Kubernetes, and what that costs its API server. */
export const kubernetes: Bench = {
  about:
    "servers that die until the API server tells that they are not ready, against a model of HeYe's first version",
  async run({ rounds, quick, say }: BenchOptions): Promise<Measurement[]> {
    const order: Order = {
      rounds,
      servers: quick ? 3 : 20,
      services: quick ? 10 : 500,
      seconds: quick ? 2 : 20,
    };
    const program = join(PROJECT_ROOT, "dist", "bench", "kubernetes", "measure.js");
    const network = join(PROJECT_ROOT, "test", "kubernetes", "network.sh");
    const said = await run("sh", [network, process.execPath, program, JSON.stringify(order)]);
    const told = figures.parse(JSON.parse(said));
    for (const side of ["ours", "peer"] as const) say(`${side}: ${told[side].map(shown).join("; ")}`);
    return measurementsOf(told);
  },
};

function measurementsOf({ ours, peer, many }: Figures): Measurement[] {
  const all = (rounds: readonly Round[]) => rounds.flatMap(({ outS }) => outS);
  const worst = (rounds: readonly Round[]) => rounds.map(({ outS }) => Math.max(...outS));
  const writes = (rounds: readonly Round[]) => rounds.map((round) => round.writes);
  const against = "model of HeYe's first version: the same checks, states polled each second";
  return [
    { name: "kubernetes/not-ready", unit: "s", against, aim: 1, ours: all(ours), peer: all(peer) },
    { name: "kubernetes/not-ready-worst", unit: "s", against, aim: 1, ours: worst(ours), peer: worst(peer) },
    { name: "kubernetes/writes-together", unit: "count", against, ours: writes(ours), peer: writes(peer) },
    { name: "kubernetes/memory", unit: "MB", against: "nothing comparable", ours: [many.memoryMb], peer: [] },
    { name: "kubernetes/processor", unit: "s", against: "nothing comparable", ours: [many.cpuS], peer: [] },
  ];
}

function shown({ outS, writes }: Round): string {
  return `${median(outS).toFixed(2)} s, at most ${Math.max(...outS).toFixed(2)} s, ${writes} writes together`;
}
