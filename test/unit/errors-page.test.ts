import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";

/** Rooms whose errors reach a user of resources. */
const ROOMS = ["spec", "ipvs", "health", "director", "provider", "sdk", "cli"];

/** Codes that error classes have. */
function codesInSources(): Set<string> {
  const files = ROOMS.flatMap((room) =>
    readdirSync(join(PROJECT_ROOT, room), { recursive: true }).map((file) =>
      join(PROJECT_ROOT, room, String(file)),
    ),
  );
  const texts = files.filter((file) => file.endsWith(".ts")).map((file) => readFileSync(file, "utf8"));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/\bcode = "(HEYE_[A-Z_]+)"/g)].map(([, code]) => code ?? "")),
  );
}

describe("docs/errors.md", () => {
  const page = readFileSync(join(PROJECT_ROOT, "docs", "errors.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(HEYE_[A-Z_]+)` \|/gm)].map(([, code]) => code ?? "");

  it("has one row for each code", () => {
    const codes = codesInSources();
    assert.ok(codes.size > 15, String(codes.size));
    assert.deepEqual([...codes].filter((code) => !rows.includes(code)).sort(), []);
    assert.equal(new Set(rows).size, rows.length, "a code has two rows");
  });

  it("has no row for a code that nothing has", () => {
    const codes = codesInSources();
    assert.deepEqual(
      rows.filter((code) => !codes.has(code)),
      [],
    );
  });

  it("names the files in which codes are", () => {
    for (const [, file] of page.matchAll(/`((?:spec|ipvs|health|director|provider|sdk)\/[\w/-]+\.ts)`/g))
      assert.ok(readFileSync(join(PROJECT_ROOT, file ?? ""), "utf8").includes("HEYE_"), file);
  });
});
