import type { Bench, BenchOptions } from "../bench";
import { changeOne, makeOne } from "../change-one";
import type { Call } from "../provider";
import type { Measurement } from "../record";
import { interleaved, timed } from "../rounds";
import { readOnce } from "../ssh";
import { trafficOf } from "../traffic";

/** A change on few and on many directors. The first of the sizes is what the others are compared with. */
export const fleet: Bench = {
  about: "one change on 3 and on 32 directors, against bare concurrent SSH logins and one read each",
  run: (options) => measureSizes("fleet", options.quick ? [2, 3] : [3, 32], options),
};

/** The same on as many directors as a cluster may have. */
export const fleet254: Bench = {
  about: "one change on 3 and on 254 directors, against bare concurrent SSH logins and one read each",
  run: (options) => measureSizes("fleet-254", options.quick ? [1] : [3, 254], options),
};

/** Processor time of the provider process for each director. */
interface Sized {
  readonly measurements: readonly Measurement[];
  readonly cpuEach: readonly number[];
}

async function measureSizes(
  bench: string,
  sizes: readonly number[],
  options: BenchOptions,
): Promise<Measurement[]> {
  const results: Measurement[] = [];
  let smallest: readonly number[] | undefined;
  for (const size of sizes) {
    const { measurements, cpuEach } = await measureSize(bench, size, options);
    results.push(...measurements);
    if (smallest)
      results.push({
        name: `${bench}/provider-cpu-each-${size}`,
        unit: "s",
        against: `the same with ${sizes[0]} directors`,
        ours: cpuEach,
        peer: smallest,
        aim: 1,
      });
    smallest ??= cpuEach;
  }
  return results;
}

async function measureSize(
  bench: string,
  size: number,
  { rounds, sites, say }: BenchOptions,
): Promise<Sized> {
  const site = await sites.get(size);
  const made = await makeOne(site.directors);
  const { ours, peer } = await interleaved<Call, "ours" | "peer">(rounds, {
    ours: async (round) => {
      const call = await changeOne(site.directors, made, round + 2);
      await site.expectTables(1, 2);
      say(`${size} directors, ours: ${call.s.toFixed(2)} s, CPU ${call.usage.cpuS.toFixed(2)} s`);
      return call;
    },
    peer: async () => {
      const { s } = await timed(() => Promise.all(site.directors.map(readOnce)));
      say(`${size} directors, bare logins and reads: ${s.toFixed(2)} s`);
      return { s, usage: { cpuS: 0, peakMb: 0 } };
    },
  });
  const name = (thing: string) => `${bench}/${thing}-${size}`;
  const elapsed: Measurement = {
    name: name("elapsed"),
    unit: "s",
    against: "concurrent bare logins and one read each",
    ours: ours.map(({ s }) => s),
    peer: peer.map(({ s }) => s),
    aim: 1.2,
  };
  const counts = await trafficOf(site, name, (directors) => changeOne(directors, made, 100));
  const cpuEach = ours.map(({ usage }) => usage.cpuS / size);
  return { measurements: [elapsed, ...counts], cpuEach };
}
