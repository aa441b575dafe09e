import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";

/** From the top down: a room imports only from rooms below it. */
const ROOMS = ["sdk", "cli", "provider", "agent", "kubernetes", "director", "health", "ipvs", "spec"];
/** May import any room; nothing imports them, but `cli`, which finds its `lab` command there when it is asked for it. */
const OUTSIDE = ["deploy", "examples", "lab", "setup", "bench", "test"];
/** What a room must not need although it lies below. */
const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  // The provider speaks to agents through director/, and never runs one.
  provider: ["agent", "kubernetes"],
  health: ["ipvs"],
  ipvs: ["spec"],
};

describe("the rooms of the source", () => {
  for (const [index, room] of ROOMS.entries()) {
    it(`${room}/ imports downward only`, () => {
      const allowed = new Set([room, ...ROOMS.slice(index + 1), ...(room === "cli" ? ["lab"] : [])]);
      for (const name of FORBIDDEN[room] ?? []) allowed.delete(name);
      const imports = importsOf(room);
      for (const { file, target } of imports) assert.ok(allowed.has(target), `${file} imports ${target}/`);
      if (index < ROOMS.length - 2)
        assert.ok(imports.length > 0, "no imports found: does this test still read them?");
    });
  }

  it("every folder with sources has its place in this list", () => {
    const folders = readdirSync(PROJECT_ROOT, { withFileTypes: true }).filter(
      (entry) =>
        entry.isDirectory() &&
        !entry.name.startsWith(".") &&
        !["node_modules", "dist", "docs"].includes(entry.name),
    );
    for (const { name } of folders) assert.ok([...ROOMS, ...OUTSIDE].includes(name), name);
  });
});

/** Imports of a room that leave it, by the room they lead to. */
function importsOf(room: string): { file: string; target: string }[] {
  const files = readdirSync(join(PROJECT_ROOT, room), { recursive: true }).map(String);
  return files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(join(PROJECT_ROOT, room, file), "utf8");
      const paths = [...text.matchAll(/(?:from|import|import\(|require\()\s*"((?:\.\.\/)+)([a-z]+)/g)];
      const depth = file.split("/").length;
      return paths
        .filter(([, up]) => (up ?? "").length / 3 >= depth)
        .map(([, , target]) => ({ file: join(room, file), target: target ?? "" }));
    });
}
