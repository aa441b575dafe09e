import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";

/** With HEYE_GOLDEN=write the kept texts are replaced by what was printed; look at the difference before you commit it. */
const WRITES = process.env.HEYE_GOLDEN === "write";

/** Fails unless a preview is, but for what is another in each run, the one that is kept in golden/NAME.txt. */
export async function expectGolden(name: string, output: string): Promise<void> {
  const file = join(PROJECT_ROOT, "test", "pulumi", "golden", `${name}.txt`);
  const found = normalised(output);
  if (WRITES) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, found);
  }
  assert.equal(found, await readFile(file, "utf8"), `differs from ${file}; HEYE_GOLDEN=write keeps it`);
}

/** What a person reads, without ids, ports, keys and times; what has no order of its own stands in that of the alphabet. */
function normalised(output: string): string {
  // The Automation API's own words about a failed command repeat all of it.
  const lines = output
    .replace(/CommandError: code: [\s\S]*$/, "")
    .replace(/(edge|other)-[0-9a-f]{8}\b/g, "$1-ID")
    .replace(/ssh-ed25519 [A-Za-z0-9+/=]+/g, "ssh-ed25519 KEY")
    .replace(/(port *: )\d{5}\b/g, "$1PORT")
    .replace(/"\d+\.\d+\.\d+\+[0-9a-f]{8}"/g, '"VERSION"')
    // One says it for all, whichever is checked first.
    .replace(/(token *: )"[0-9a-f]{16}"/g, '$1"TOKEN"')
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !/^@ |^Duration:|^View in|^Loading/.test(line));
  const all = lines.filter((line) => DIAGNOSTIC.test(line));
  const errors = all.filter((line) => line.startsWith("error: "));
  // How many others were looked at, and warned about, before the bad one was found is chance.
  const said = errors.length > 0 ? errors : all;
  const [head = [], ...resources] = blocksOf(lines.filter((line) => !DIAGNOSTIC.test(line)));
  const [last = [], ...others] = resources.reverse();
  const end = last.findIndex((line) => line.startsWith("Resources:"));
  const bodies = [...others, last.slice(0, end)].map((block) => block.join("\n")).sort(byUrn);
  const summary = errors.length > 0 ? [] : last.slice(end);
  return `${[...head, ...bodies, ...summary, ...new Set(said.sort())].join("\n")}\n`;
}

const DIAGNOSTIC = /^(warning|error): /;
const RESOURCE = /^ *(\+-|[-+~])? *(pulumi|pulumi-nodejs):\S+: \(/;

/** What stands before the first resource, then each resource; the last one with all that follows. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = [[]];
  for (const line of lines) {
    if (RESOURCE.test(line)) blocks.push([]);
    blocks.at(-1)?.push(line);
  }
  return blocks;
}

function byUrn(one: string, other: string): number {
  const urn = (block: string) => /\[urn=(.*)\]/.exec(block)?.[1] ?? "";
  return urn(one) < urn(other) ? -1 : 1;
}
