import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { componentSchemas } from "../../agent/api/schemas";
import { referencePage } from "../../docs/reference";
import { inputOf, valueAt } from "../../docs/reference/values";
import { checkerFor } from "../../health/registry";
import { PROJECT_ROOT } from "../../setup/project";
import { type ActiveHealthCheck, CHECK_TYPES, healthCheck } from "../../spec";
import { serve } from "./health-server";

const pathOf = (file: string) => join(PROJECT_ROOT, file);
const textOf = (file: string) => readFileSync(pathOf(file), "utf8");

describe("each kind of check", () => {
  const readme = textOf("README.md");
  let reference = "";
  let schemas = "";
  before(() => {
    reference = referencePage();
    schemas = JSON.stringify(componentSchemas());
  });

  for (const type of CHECK_TYPES) {
    it(`${type} can be made, and is told of where users look`, () => {
      assert.equal(typeof checkerFor({ type } as ActiveHealthCheck).check, "function");
      assert.match(reference, new RegExp(`\\| \`type\` \\| \`${type}\` \\| required \\|`));
      assert.ok(schemas.includes(`"const":"${type}"`), "not in the API's document");
      assert.ok(readme.includes(`\n| \`${type}\` | `), "no row in the README");
    });

    it(`${type} calls its secrets by a name that is hidden everywhere`, () => {
      const { properties = {} } = valueAt(inputOf(healthCheck), [`=${type}`]);
      const secrets = Object.keys(properties).filter((name) => properties[name]?.secret);
      assert.deepEqual(
        secrets.filter((name) => name !== "password"),
        [],
      );
    });
  }
});

/** What a child says of the example, with that kind of check in its specification. */
interface Said {
  readonly problems: readonly unknown[];
  readonly fault: string;
  readonly results: readonly object[];
  readonly documented: readonly { readonly title: string; readonly rows: readonly object[] }[];
  readonly isInApi: boolean;
}

/** Runs beside a copy of the compiled code. */
const CHILD = `
  const [at, port] = process.argv.slice(1);
  const { parse, healthCheck } = require(at + "/spec");
  const { runCheck, directDial } = require(at + "/health");
  const { otherChecks } = require(at + "/docs/reference/other-checks");
  const { componentSchemas } = require(at + "/agent/api/schemas");
  const never = new AbortController().signal;
  const target = { address: "127.0.0.1", port: Number(port) };
  const run = (more) =>
    runCheck(healthCheck.parse({ type: "redis", timeoutMs: 30_000, ...more }), target, directDial(), never);
  Promise.all([run({}), run({ answer: "PING" })]).then((results) => {
    const { problems } = parse(healthCheck, { type: "redis", answer: "PONG", rise: 1 });
    const fault = parse(healthCheck, { type: "ping" }).problems[0].reason;
    const isInApi = JSON.stringify(componentSchemas()).includes('"const":"redis"');
    console.log(JSON.stringify({ problems, fault, results, documented: otherChecks(), isInApi }));
  });
`;

/** Compiles what takes a new kind into account as well. */
const PROGRAM = `
  import type { CheckArgs, HealthCheckArgs } from "./sdk";
  export const args: CheckArgs<"redis"> = { type: "redis", answer: Promise.resolve("PONG"), intervalMs: 500 };
  export const check: HealthCheckArgs = args;
  // @ts-expect-error
  export const wrong: HealthCheckArgs = { type: "redis", answer: 1 };
  // @ts-expect-error
  export const misspelt: HealthCheckArgs = { type: "redis", reply: "PONG" };
`;

describe("the kind of check that CONTRIBUTING.md adds", () => {
  const LINE = "one line of ";
  const chapter = /^## A new health checker.*?^## /ms.exec(textOf("CONTRIBUTING.md"))?.[0] ?? "";
  const blocks = [...chapter.matchAll(/^```ts\n\/\/ ([^\n]*)\n(.*?)^```$/gms)];
  const parts = blocks.map(([, head = "", text = ""]) => ({
    file: head.replace(LINE, ""),
    text: head.startsWith(LINE) ? `${textOf(head.replace(LINE, ""))}${text}` : text,
    isLine: head.startsWith(LINE),
    lines: text.trimEnd().split("\n").length,
  }));
  const sources = new Map(parts.map(({ file, text }) => [pathOf(file), text]));
  const probe = pathOf("example.ts");

  it("is two files and two lines", () => {
    assert.deepEqual(
      parts.map(({ file, isLine, lines }) => [file, isLine ? lines : "new"]),
      [
        ["spec/checks/redis.ts", "new"],
        ["spec/checks/index.ts", 1],
        ["health/redis.ts", "new"],
        ["health/checkers.ts", 1],
      ],
    );
  });

  it("is known to previews, agents, programs and documents by these alone", async function () {
    // The compiler works for a while.
    this.timeout(180_000);
    const folder = mkdtempSync(join(tmpdir(), "heye-kind-"));
    const compiled = join(folder, "dist");
    try {
      const program = programOf(new Map([...sources, [probe, PROGRAM]]), compiled);
      const files = [...sources.keys(), probe, pathOf("health/registry.ts"), pathOf("sdk/health-check.ts")];
      assert.deepEqual(faultsOf(program, files), []);
      assert.match(commentOf(program, probe, "args", "answer"), /^What it must answer to PING\./);
      // The two lines are needed, and this compiler would say so.
      sources.delete(pathOf("health/checkers.ts"));
      const without = programOf(new Map([...sources, [probe, PROGRAM]]), compiled, program);
      assert.match(faultsOf(without, [pathOf("health/registry.ts")]).join(), /redis/);

      const isNeeded = (path: string) => !/\.(ts|map)$|heye-\w+\.js$/.test(path);
      for (const room of [
        "spec",
        "health",
        "ipvs",
        "director",
        "provider",
        "agent",
        "kubernetes",
        "setup",
        "docs",
      ])
        cpSync(join(PROJECT_ROOT, "dist", room), join(compiled, room), { recursive: true, filter: isNeeded });
      symlinkSync(join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules"));
      for (const { file } of parts) program.emit(program.getSourceFile(pathOf(file)));
      const said = await saidOf(compiled);
      assert.deepEqual(said.problems, []);
      assert.match(said.fault, /\bredis\b/);
      assert.deepEqual(said.results, [
        { healthy: true, answer: "PONG" },
        { healthy: false, answer: '"+PONG\\r\\n"' },
      ]);
      const { rows } = said.documented.find(({ title }) => title === 'CheckArgs<"redis">') ?? assert.fail();
      assert.deepEqual(rows[1], {
        name: "answer",
        type: "text",
        fallback: "`PONG`",
        meaning: "What it must answer to PING.",
      });
      assert.ok(said.isInApi);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** The project's program with some files otherwise, or more of them. */
function programOf(texts: ReadonlyMap<string, string>, outDir: string, before?: ts.Program): ts.Program {
  const { config } = ts.readConfigFile(pathOf("tsconfig.json"), ts.sys.readFile);
  const parsed = ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, PROJECT_ROOT);
  const { tsBuildInfoFile: _, ...rest } = parsed.options;
  const options = { ...rest, outDir, incremental: false, declaration: false, sourceMap: false };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.getSourceFile = (file, how, ...more) => {
    const text = texts.get(file);
    if (text !== undefined) return ts.createSourceFile(file, text, how);
    const isSame = file.includes("/node_modules/");
    return (isSame && before?.getSourceFile(file)) || getSourceFile(file, how, ...more);
  };
  const rooms = ["spec", "health", "sdk"].map((room) => pathOf(join(room, "index.ts")));
  return ts.createProgram([...rooms, ...texts.keys()], options, host, before);
}

/** What an editor shows of a property of a constant's type. */
function commentOf(program: ts.Program, file: string, constant: string, property: string): string {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file) ?? assert.fail();
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source) ?? assert.fail());
  const found = exported.find(({ name }) => name === constant) ?? assert.fail();
  const shown = checker.getTypeOfSymbolAtLocation(found, source).getProperty(property);
  return ts.displayPartsToString(shown?.getDocumentationComment(checker));
}

function faultsOf(program: ts.Program, files: readonly string[]): string[] {
  return files
    .flatMap((file) => {
      const source = program.getSourceFile(file) ?? assert.fail(`${file} is not in the program`);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    })
    .map(
      ({ messageText, file }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
}

async function saidOf(compiled: string): Promise<Said> {
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined).on("data", () => socket.write("+PONG\r\n"));
  });
  let said: Said | undefined;
  await serve(server, async ({ port }) => {
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", CHILD, compiled, String(port)]);
    said = JSON.parse(stdout) as Said;
  });
  return said ?? assert.fail();
}
