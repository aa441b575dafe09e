/** `npm run api:fuzz`: a long run of schemathesis against the API of an agent on a model of the kernel. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { schemathesis } from "../../setup/schemathesis";
import { serve } from "./served";

/** Requests that a run makes at least. */
const REQUESTS = 20_000;
/** Of each operation, for every test that it is part of. */
const EXAMPLES = 100;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      requests: { type: "string", default: String(REQUESTS) },
      seed: { type: "string", default: "1" },
    },
  });
  const wanted = Number(values.requests);
  let made = 0;
  for (let seed = Number(values.seed); made < wanted; seed++) {
    const { requests, code } = await runOnce(seed);
    made += requests;
    console.log(`seed ${seed}: ${requests} requests, ${made} of ${wanted} in all`);
    if (code !== 0) return code;
  }
  return 0;
}

/** One run, on an agent of its own. */
async function runOnce(seed: number): Promise<{ requests: number; code: number }> {
  const { command, args, env } = await schemathesis();
  const served = await serve();
  // It keeps notes of failures where it runs.
  const folder = mkdtempSync(join(tmpdir(), "heye-fuzz-"));
  try {
    const options = [
      ...["run", `${served.url}/v1/openapi.json`, "--no-color", "--max-examples", String(EXAMPLES)],
      ...["--seed", String(seed), "--warnings", "off"],
      // A stream does not end; and what no schema can say (rules between fields) is refused rightly.
      ...["--exclude-path", "/v1/events", "--exclude-checks", "positive_data_acceptance"],
    ];
    const child = spawn(command, [...args, ...options], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
    const [code] = (await once(child, "close")) as [number | null];
    const text = Buffer.concat(said).toString("utf8");
    const requests = Number(/^\s*([0-9]+) generated/m.exec(text)?.[1] ?? 0);
    if (code !== 0 || requests === 0) console.log(text);
    return { requests, code: requests === 0 ? 1 : (code ?? 1) };
  } finally {
    rmSync(folder, { recursive: true });
    await served.close();
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
