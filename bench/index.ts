/**
 * Measurements against peers: `npm run bench [NAME...]`. Ours and the peer run in turn in one world, because the lab's
 * figures mean something as ratios only. Each benchmark is a file in `cases/` and a line in the registry. Stands outside
 * the layers; see docs/bench.md.
 */
import { argumentsOf, type BenchArguments } from "./arguments";
import { BenchError } from "./bench";
import { type BenchRecord, recordOf } from "./record";
import { BENCHES } from "./registry";
import { report } from "./report";
import { circumstances, resultsFile, saveRecords } from "./results";
import { Sites } from "./sites";

async function main(argv: readonly string[]): Promise<void> {
  const asked = argumentsOf(argv, Object.keys(BENCHES));
  if (asked.list) {
    for (const [name, { about }] of Object.entries(BENCHES)) console.log(`${name.padEnd(16)} ${about}`);
    return;
  }
  const sites = new Sites(asked.quick);
  try {
    await runAll(asked, sites);
  } finally {
    await sites.down();
  }
}

async function runAll({ names, rounds, quick, out }: BenchArguments, sites: Sites): Promise<void> {
  const file = out ?? resultsFile(quick);
  const all: BenchRecord[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.error(`bench ${name}: ${bench.about}`);
    const say = (text: string) => console.error(`  ${new Date().toISOString().slice(11, 19)} ${text}`);
    const measurements = await bench.run({ rounds, quick, sites, say });
    const records = measurements.map((measurement) => recordOf(measurement, circumstances(quick)));
    // At once: a later bench that fails takes nothing away.
    await saveRecords(file, records);
    all.push(...records);
  }
  console.log(report(all));
  console.error(`written to ${file}`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof BenchError ? error.message : error);
  process.exitCode = 1;
});
