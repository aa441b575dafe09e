import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";

/** A pain as docs/pains.md has it. */
interface Row {
  readonly what: string;
  /** `keepalived#2318` */
  readonly sources: readonly string[];
  /** Below the folder of the tests. */
  readonly tests: readonly string[];
}

const PAGE = readFileSync(join(PROJECT_ROOT, "docs", "pains.md"), "utf8");
const TESTS = join(PROJECT_ROOT, "test");

const rows: readonly Row[] = [
  ...PAGE.matchAll(/^\| (?!what hurts)(\w[^|]*) \| ([^|]*) \| [^|]* \| ([^|]*) \|$/gm),
].map(([, what = "", sources = "", tests = ""]) => ({
  what,
  sources: [...sources.matchAll(/\[([\w-]+#\d+)\]/g)].map(([, source = ""]) => source),
  tests: [...tests.matchAll(/\]\(\.\.\/test\/([\w/-]+\.test\.ts)\)/g)].map(([, test = ""]) => test),
}));

/** Pains that comments of a file name; in a list the repository is said once: `keepalived#1669 and #1741`. */
function namedIn(text: string): Set<string> {
  const named = new Set<string>();
  for (const [line] of text.matchAll(/^\s*\/\/.*$/gm)) {
    let repository = "";
    for (const [, name, number] of line.matchAll(/([\w-]*)#(\d+)/g)) {
      repository = name || repository;
      named.add(`${repository}#${number}`);
    }
  }
  return named;
}

describe("docs/pains.md", () => {
  it("has tests for each pain, which name it", () => {
    assert.ok(rows.length > 20, String(rows.length));
    for (const { what, sources, tests } of rows) {
      assert.ok(sources.length > 0 && tests.length > 0, what);
      const named = tests.map((test) => namedIn(readFileSync(join(TESTS, test), "utf8")));
      for (const source of sources)
        assert.ok(
          named.some((names) => names.has(source)),
          `${source} (${what}) is named in none of ${tests.join()}`,
        );
      for (const [index, names] of named.entries())
        assert.ok(
          sources.some((source) => names.has(source)),
          `${tests[index]} names nothing of: ${what}`,
        );
    }
  });

  it("links to what it names, once", () => {
    for (const [, source, target] of PAGE.matchAll(/\[([\w-]+#\d+)\]\(([^)]*)\)/g)) {
      const [repository, number] = source?.split("#") ?? [];
      assert.match(target ?? "", new RegExp(`^https://github\\.com/[\\w-]+/${repository}/issues/${number}$`));
    }
    const sources = rows.flatMap((row) => row.sources);
    assert.equal(new Set(sources).size, sources.length);
  });

  it("has each pain that a test names", () => {
    const sources = new Set(rows.flatMap((row) => row.sources));
    const files = readdirSync(TESTS, { recursive: true }).map(String);
    for (const file of files.filter((name) => name.endsWith(".test.ts")))
      for (const source of namedIn(readFileSync(join(TESTS, file), "utf8")))
        assert.ok(sources.has(source), `${file} names ${source}, of which docs/pains.md says nothing`);
  });
});
