import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../setup/command";
import { failed, type Outcome, summary } from "../../setup/outcome";

/** What the last line of `npm test` is made of: a real mocha on real test files, each wrong in its own way. */
describe("a layer of tests", () => {
  let folder = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "heye-layer-"));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function outcome(...sources: string[]): Promise<Outcome> {
    for (const [index, source] of sources.entries())
      await writeFile(join(folder, `${index}.test.js`), source);
    // In a process of its own, so that failures on purpose are not shown among the real results.
    const output = await run(process.execPath, [join(__dirname, "setup-layer-runner.js"), folder]);
    return read(output);
  }

  async function counts(...sources: string[]): Promise<{ passed: number; failed: number }> {
    return counted(await outcome(...sources));
  }

  const passing = 'it("passes", () => undefined);';
  const failing = 'it("fails", () => { throw new Error("on purpose"); });';

  it("counts what passed and what failed", async () => {
    deepEqual(await counts(passing + passing, failing), { passed: 2, failed: 1 });
  });

  it("keeps of a failure which test it was and what it said, for the end", async () => {
    const { failures } = await outcome(`describe("of many", () => { ${failing} });`);
    equal(failures.length, 1);
    match(failures[0]?.what ?? "", /^fixture-\S+ › of many › fails$/);
    match(failures[0]?.why ?? "", /^Error: on purpose\n\s+at .*0\.test\.js/);
  });

  it("takes a skipped test for a failed one", async () => {
    deepEqual(await counts(passing, 'it.skip("is skipped", () => undefined);'), { passed: 1, failed: 1 });
  });

  it("takes a hook that fails for a failed test", async () => {
    deepEqual(await counts(`before(() => { throw new Error("on purpose"); }); ${passing}`), {
      passed: 0,
      failed: 1,
    });
  });

  it("fails where there is no test", async () => {
    deepEqual(await counts(), { passed: 0, failed: 1 });
    deepEqual(await counts("// nothing"), { passed: 0, failed: 1 });
  });

  it("fails when one test hides the others", async () => {
    deepEqual(await counts(passing, 'it.only("is alone", () => undefined);'), { passed: 0, failed: 1 });
  });

  it("fails when mocha dies in the middle", async () => {
    deepEqual(await counts(`${passing} it("dies", () => process.kill(process.pid, "SIGKILL"));`), {
      passed: 0,
      failed: 1,
    });
  });

  it("fails when a test file does not load", async () => {
    deepEqual(await counts(passing, 'throw new Error("on purpose");'), { passed: 0, failed: 1 });
  });

  it("runs at the same time as another, and shows both one after the other", async () => {
    const folders = ["a", "b"].map((name) => join(folder, name));
    const met = (name: string, other: string): string => `
      it("of ${name}", async () => {
        const { existsSync, writeFileSync } = require("node:fs");
        writeFileSync(${JSON.stringify(join(folder, name))} + ".here", "");
        while (!existsSync(${JSON.stringify(join(folder, other))} + ".here")) await new Promise((go) => setTimeout(go, 10));
      });`;
    for (const [index, path] of folders.entries()) {
      await mkdir(path);
      await writeFile(join(path, "0.test.js"), index === 0 ? met("a", "b") : `${met("b", "a")} ${failing}`);
    }
    const output = await run(process.execPath, [join(__dirname, "setup-layer-runner.js"), ...folders]);
    deepEqual(counted(read(output)), { passed: 2, failed: 1 });
    ok(output.indexOf("of a") >= 0 && output.indexOf("of a") < output.indexOf("of b"), output);
  });

  it("runs a third one as soon as one of two has ended, and shows it last", async () => {
    const folders = ["a", "b", "c"].map((name) => join(folder, name));
    const at = (name: string) => JSON.stringify(join(folder, `${name}.ended`));
    const fs = 'require("node:fs")';
    const wait = `while (!${fs}.existsSync(${at("c")})) await new Promise((go) => setTimeout(go, 10));`;
    const sources = [
      `it("of a", async () => { ${wait} });`,
      `it("of b", () => { ${fs}.writeFileSync(${at("b")}, ""); });`,
      `it("of c", () => { if (!${fs}.existsSync(${at("b")})) throw new Error("too early"); ${fs}.writeFileSync(${at("c")}, ""); });`,
    ];
    for (const [index, path] of folders.entries()) {
      await mkdir(path);
      await writeFile(join(path, "0.test.js"), sources[index] ?? "");
    }
    const output = await run(process.execPath, [join(__dirname, "setup-layer-runner.js"), ...folders]);
    deepEqual(counted(read(output)), { passed: 3, failed: 0 });
    ok(output.indexOf("of a") >= 0 && output.indexOf("of a") < output.indexOf("of c"), output);
  });

  it("does not begin when the run has been ended by a signal", async () => {
    const folders = ["a", "b", "c"].map((name) => join(folder, name));
    const sources = [
      'it("of a", () => process.kill(Number(process.env.HEYE_TEST_RUNNER), "SIGTERM"));',
      'it("of b", () => new Promise((go) => setTimeout(go, 60_000)));',
      'it("of c", () => { throw new Error("it has begun"); });',
    ];
    for (const [index, path] of folders.entries()) {
      await mkdir(path);
      await writeFile(join(path, "0.test.js"), sources[index] ?? "");
    }
    const output = await run(process.execPath, [join(__dirname, "setup-layer-runner.js"), ...folders]);
    equal(output.includes("it has begun"), false, output);
  });
});

/** What is printed last. */
describe("the summary of a run of tests", () => {
  it("is a line that counts", () => {
    equal(summary({ passed: 412, failures: [] }), "412 passed, 0 failed");
  });

  it("tells of each failure once more, since only the end of a long output may be kept", () => {
    const told = summary({
      passed: 3,
      failures: [
        ...failed("lab › an agent › starts", "Error: no\n    at x").failures,
        { what: "b", why: "c" },
      ],
    });
    deepEqual(told.split("\n"), [
      "",
      "What failed, once more:",
      "",
      "lab › an agent › starts",
      "    Error: no",
      "        at x",
      "b",
      "    c",
      "",
      "3 passed, 2 failed",
    ]);
  });

  it("cuts a failure that has much to say", () => {
    const why = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
    const lines = summary(failed("one", why)).split("\n");
    ok(lines.length < 40, String(lines.length));
    ok(lines.includes("    ..."));
  });
});

function read(output: string): Outcome {
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as Outcome;
}

function counted({ passed, failures }: Outcome): { passed: number; failed: number } {
  return { passed, failed: failures.length };
}
