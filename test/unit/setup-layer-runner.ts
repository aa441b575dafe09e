import { basename } from "node:path";
import { type Layer, runLayer, runTogether } from "../../setup/layer";

/**
 * Fixture of setup-layer.test.ts: runs the tests of the folder it is given, of several two at a time, and ends with
 * the outcome as JSON.
 */
async function main(): Promise<void> {
  const layers = process.argv.slice(2).map(
    (folder): Layer => ({
      name: `fixture-${basename(folder)}`,
      folder,
      timeout: 25_000,
      prepare: async () => process.env,
    }),
  );
  const [first] = layers;
  if (first === undefined) throw new TypeError("which folder?");
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  process.env.HEYE_TEST_RUNNER = String(process.pid);
  const outcome = await (layers.length > 1 ? runTogether(layers, 2, stop.signal) : runLayer(first));
  console.log(JSON.stringify(outcome));
}

void main();
