import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { documentedTypes, REFERENCE_FILE, referencePage } from "../../docs/reference";
import { Declarations } from "../../docs/reference/declarations";
import { consequence, rowsOf, splitDefault } from "../../docs/reference/rows";
import type { Section } from "../../docs/reference/sections";
import { PROJECT_ROOT } from "../../setup/project";
import { IDENTITY_FIELDS } from "../../spec";

describe("the reference", () => {
  it("is what the sources say now", () => {
    const written = readFileSync(join(PROJECT_ROOT, REFERENCE_FILE), "utf8");
    assert.equal(written, referencePage(), `${REFERENCE_FILE} is old: npm run docs`);
  });

  it("shows every type of arguments that a program can import", () => {
    const doors = [join("sdk", "index.ts"), join("sdk", "kubernetes", "index.ts")];
    const door = doors.map((file) => readFileSync(join(PROJECT_ROOT, file), "utf8")).join("\n");
    const exported = [...door.matchAll(/\b([A-Z]\w*Args)\b/g)].map(([, name]) => name ?? "");
    assert.ok(exported.length > 20, String(exported.length));
    // Parts of other types, whose properties are shown there.
    const parts = ["SchedulerArgs", "ForwardingArgs", "ServiceCheckArgs", "CheckArgs"];
    assert.deepEqual(
      exported.filter((name) => !documentedTypes().includes(name) && !parts.includes(name)),
      [],
    );
  });

  it("says what every argument means", () => {
    const rows = referencePage()
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    assert.ok(rows.length > 100, String(rows.length));
    for (const row of rows) assert.match(row, /\w[^|]* \|$/, row);
  });

  it("takes what a change replaces from the handlers", () => {
    for (const field of IDENTITY_FIELDS) assert.match(consequence("VirtualServer", field), /replaces/, field);
    for (const field of ["cluster", "virtualServer", "address", "port"])
      assert.match(consequence("RealServer", field), /replaces/, field);
    assert.equal(consequence("RealServer", "weight"), "");
    assert.match(consequence("VirtualServer", "adopt"), /does nothing/);
  });

  it("takes a default out of a comment, wherever it stands", () => {
    assert.deepEqual(splitDefault("SSH port. Default 22."), { text: "SSH port.", fallback: "`22`" });
    assert.deepEqual(splitDefault("Port. Default: its own. Not 0."), {
      text: "Port. Not 0.",
      fallback: "its own",
    });
    assert.deepEqual(splitDefault("Its name."), { text: "Its name." });
  });

  it("refuses a comment that names another default than the specification has", () => {
    const folder = mkdtempSync(join(tmpdir(), "heye-reference-"));
    try {
      writeFileSync(
        join(folder, "wrong.ts"),
        "export interface WrongArgs {\n  /** Checks. Default 3. */\n  rise?: number;\n}\n",
      );
      const rows = (fallback: number) => {
        const schema = z.strictObject({ rise: z.number().default(fallback) });
        const section: Section = { type: "WrongArgs", level: 3, schema };
        return rowsOf(section, new Declarations(folder), new Set());
      };
      assert.deepEqual(rows(3), [{ name: "rise", type: "number", fallback: "`3`", meaning: "Checks." }]);
      assert.throws(() => rows(30), /WrongArgs\.rise: expected .* default is `30`, found "`3`"/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
