/** The agent's program with parts of it replaced by those of test/chaos/variant, as one text. It is put on directors of labs alone. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Plugin } from "esbuild";
import { packedNatives } from "../../setup/natives";
import { programText } from "../../setup/program-text";
import { PROJECT_ROOT } from "../../setup/project";

/** By whom something is imported, under which name, and what stands for it. */
const REPLACED = [
  ["agent/durable.ts", "node:fs/promises", "file-system.ts"],
  ["agent/daemon.ts", "./store", "store.ts"],
  ["agent/daemon.ts", "./open-kernel", "open-kernel.ts"],
] as const;

/** In the first line of the program. */
export const VARIANT = "a variant for tests";

/**
 * Makes it. It calls itself by the version of the program that is shipped, so that nobody takes it for another one.
 *
 * @throws Error where a part that is to be replaced is not there any more
 */
export async function variantText(): Promise<string> {
  const shipped = await readFile(join(PROJECT_ROOT, "dist", "agent", "heye-agent.js"), "utf8");
  const version = /^\/\/ heye-agent (\S+)\n/.exec(shipped)?.[1];
  assert.ok(version, "dist/agent/heye-agent.js names no version");
  const machine = `${process.platform}-${process.arch}`;
  const packed = (await packedNatives())[machine];
  const replaced = new Set<string>();
  const text = await programText({
    ...{ entry: ["agent", "main.ts"], version, page: "" },
    natives: packed ? { [machine]: packed } : {},
    banner: `// heye-agent ${version}, ${VARIANT}`,
    plugins: [replacing(replaced)],
  });
  assert.equal(replaced.size, REPLACED.length, `replaced alone: ${[...replaced].join(", ")}`);
  return text;
}

function replacing(replaced: Set<string>): Plugin {
  return {
    name: "parts of a variant",
    setup({ onResolve }) {
      onResolve({ filter: /^node:fs\/promises$|\/(store|open-kernel)$/ }, ({ path, importer }) => {
        const by = relative(PROJECT_ROOT, importer);
        const part = REPLACED.find(([from, name]) => from === by && name === path)?.[2];
        if (part === undefined) return undefined;
        replaced.add(part);
        return { path: join(PROJECT_ROOT, "test", "chaos", "variant", part) };
      });
    },
  };
}
