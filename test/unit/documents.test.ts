import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";

/** Rooms whose errors reach a user of resources. */
const ROOMS = ["spec", "ipvs", "health", "director", "agent", "kubernetes", "provider", "sdk", "cli"];

/** Codes that error classes and problems of the API have. */
function codesInSources(): Set<string> {
  const files = ROOMS.flatMap((room) =>
    readdirSync(join(PROJECT_ROOT, room), { recursive: true }).map((file) =>
      join(PROJECT_ROOT, room, String(file)),
    ),
  );
  const texts = files.filter((file) => file.endsWith(".ts")).map((file) => readFileSync(file, "utf8"));
  return new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/\bcode(?: =|:) "(HEYE_[A-Z_]+)"/g)].map(([, code]) => code ?? ""),
    ),
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

describe("the documents", () => {
  const folder = join(PROJECT_ROOT, "docs", "decisions");

  it("number each decision once, in its name and in its title", () => {
    const names = readdirSync(folder).sort();
    assert.deepEqual(
      names.map((name) => name.slice(0, 4)),
      names.map((_, index) => String(index + 1).padStart(4, "0")),
    );
    for (const name of names) {
      const title = readFileSync(join(folder, name), "utf8").split("\n")[0] ?? "";
      assert.ok(title.startsWith(`# ${name.slice(0, 4)} `), `${name}: ${title}`);
    }
  });

  it("link to what is there", () => {
    const files = [
      "README.md",
      "CONTRIBUTING.md",
      "CHANGELOG.md",
      ...markdownIn("docs"),
      ...markdownIn("examples"),
    ];
    assert.ok(files.length > 15, String(files.length));
    for (const file of files) {
      for (const [target, anchor] of linksOf(file)) {
        const path = target === "" ? join(PROJECT_ROOT, file) : join(PROJECT_ROOT, dirname(file), target);
        assert.ok(existsSync(path), `${file} links to ${target}`);
        if (anchor !== undefined)
          assert.ok(anchorsOf(path).has(anchor), `${file} links to ${target}#${anchor}`);
      }
    }
  });
});

/** Paths of the Markdown files in a folder of the project. */
function markdownIn(folder: string): string[] {
  const files = readdirSync(join(PROJECT_ROOT, folder), { recursive: true }).map(String);
  return files.filter((file) => file.endsWith(".md")).map((file) => join(folder, file));
}

/** Targets of a document's links within the project: a path, which may be empty, and an anchor. */
function linksOf(file: string): [path: string, anchor: string | undefined][] {
  const text = readFileSync(join(PROJECT_ROOT, file), "utf8").replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, path, anchor]) => [
    path ?? "",
    anchor,
  ]);
}

/** What the headings of a document can be reached by. */
function anchorsOf(path: string): Set<string> {
  const headings = [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(
    ([, heading]) => heading ?? "",
  );
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
}
