import { runLayer } from "../../setup/layer";

/** Fixture of setup-layer.test.ts: runs the tests of the folder it is given, and ends with the counts as JSON. */
async function main(): Promise<void> {
  const folder = String(process.argv[2]);
  const counts = await runLayer({
    name: "fixture",
    folder,
    timeout: 5_000,
    prepare: async () => process.env,
  });
  console.log(JSON.stringify(counts));
}

void main();
