import type { Bench, BenchOptions } from "../bench";
import { changeOne, makeOne } from "../change-one";
import type { Measurement } from "../record";
import { interleaved, timed } from "../rounds";
import type { BenchSite } from "../site";
import { readOnce } from "../ssh";

/** A round trip meets the delay twice. */
const BAD_NETWORK = { network: "management", delayMs: 10, lossPercent: 1 } as const;
/** The hanging director is given up after that, in seconds; healthy ones need less, however slow the lab is. */
const DEADLINE_S = 30;

/** The same change over bad lines, and with one director that accepts connections and never says a word. */
export const fleetFaults: Bench = {
  about: "one change on 32 directors over 20 ms and 1 % loss, and with one that hangs at its SSH banner",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const site = await sites.get(quick ? 3 : 32);
    const deadlineS = quick ? 5 : DEADLINE_S;
    const made = await makeOne(site.directors);
    const change = async (what: string, weight: number, timeoutS?: number): Promise<number> => {
      const { s } = await changeOne(site.directors, made, weight, timeoutS);
      say(`${what}: ${s.toFixed(2)} s`);
      return s;
    };
    try {
      for (const { name } of site.directors) await site.lab.fault.impairNetwork(name, BAD_NETWORK);
      const bad = await interleaved<number, "ours" | "peer">(rounds, {
        ours: (round) => change("over bad lines", round + 2),
        peer: async () => {
          const { s } = await timed(() => Promise.all(site.directors.map(readOnce)));
          say(`bare logins and reads over bad lines: ${s.toFixed(2)} s`);
          return s;
        },
      });
      const silent = await hanging(site, rounds, (round) => change("one hangs", round + 100, deadlineS));
      return [
        {
          name: "fleet-faults/elapsed-bad-lines",
          unit: "s",
          against: "concurrent bare logins and one read each",
          ...bad,
          aim: 1.2,
        },
        {
          name: "fleet-faults/elapsed-one-hangs",
          unit: "s",
          against: `the same without it, and its deadline of ${deadlineS} s`,
          ours: silent,
          peer: bad.ours.map((s) => s + deadlineS),
          aim: 1,
        },
      ];
    } finally {
      await site.lab.fault.mendAll();
    }
  },
};

/** Lets the last director hang, and sees that the others hold the change when it has returned. */
async function hanging(
  site: BenchSite,
  rounds: number,
  change: (round: number) => Promise<number>,
): Promise<number[]> {
  const healthy = site.directors.length - 1;
  await site.lab.fault.hangSsh(site.directors[healthy]?.name ?? "");
  const { ours } = await interleaved<number, "ours">(rounds, {
    ours: async (round) => {
      const s = await change(round);
      await site.first(healthy).expectTables(1, 2, firstRule(round + 100));
      return s;
    },
  });
  return ours;
}

function firstRule(weight: number): string {
  return `-a -t 10.200.0.0:80 -r 10.100.0.0:80 -m -w ${weight}`;
}
