import { basename } from "node:path";
import { type Layer, runLayer, runTogether } from "../../setup/layer";

/**
 * Fixture of setup-layer.test.ts: runs the tests of the folder it is given, of several two at a time, and ends with
 * the counts as JSON.
 */
async function main(): Promise<void> {
  const layers = process.argv.slice(2).map(
    (folder): Layer => ({
      name: `fixture-${basename(folder)}`,
      folder,
      timeout: 5_000,
      prepare: async () => process.env,
    }),
  );
  const [first] = layers;
  if (first === undefined) throw new TypeError("which folder?");
  console.log(JSON.stringify(await (layers.length > 1 ? runTogether(layers, 2) : runLayer(first))));
}

void main();
