import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import { SERVER_METRICS } from "../../agent/metrics/families";
import { putVirtualServer } from "../../director";
import { promtool } from "../../setup";
import { PROJECT_ROOT } from "../../setup/project";
import { ask } from "../unit/agent-http";
import { AgentSite, until, virtualServer } from "../unit/agent-site";
import { readScrape } from "../unit/exposition";
import { LoopbackServer } from "../unit/loopback-server";

const FOLDER = join(PROJECT_ROOT, "docs", "monitoring");
const run = promisify(execFile);

const PANEL = z.object({
  title: z.string(),
  type: z.string(),
  targets: z.array(z.object({ expr: z.string() })).default([]),
});
const DASHBOARD = z.object({
  panels: z.array(PANEL),
  templating: z.object({ list: z.array(z.object({ name: z.string(), definition: z.string().optional() })) }),
});

/** Names of metrics in an expression: those of a histogram by the name of the whole. */
function metricsIn(expression: string): string[] {
  const names = expression.match(/\b(?:heye|process|nodejs)_[a-z0-9_]+\b(?!\s*=)/g) ?? [];
  return names.map((name) => name.replace(/(_duration_seconds)_bucket$/, "$1"));
}

describe("what is shipped for Prometheus and Grafana", () => {
  let program = "";
  let known: ReadonlySet<string>;

  before(async () => {
    program = await promtool();
    known = await metricsOfAnAgent();
  });

  it("has rules that promtool takes", async () => {
    const { stdout } = await run(program, ["check", "rules", "--lint-fatal", join(FOLDER, "alerts.yaml")]);
    assert.match(stdout, /SUCCESS: \d+ rules found/);
  });

  it("has rules that fire when they should, and do not before", async () => {
    await run(program, ["test", "rules", join(FOLDER, "alerts.test.yaml")]);
    const rules = readFileSync(join(FOLDER, "alerts.yaml"), "utf8");
    const tests = readFileSync(join(FOLDER, "alerts.test.yaml"), "utf8");
    for (const [, name = ""] of rules.matchAll(/- alert: (\w+)/g))
      assert.match(tests, new RegExp(`alertname: ${name}\\n\\s+exp_alerts`), `${name} is seen to fire`);
  });

  it("is refused by promtool where it is wrong", async () => {
    const folder = mkdtempSync(join(tmpdir(), "heye-rules-"));
    try {
      const broken = readFileSync(join(FOLDER, "alerts.yaml"), "utf8").replace(
        "heye_trouble == 1",
        "heye_trouble = 1",
      );
      writeFileSync(join(folder, "alerts.yaml"), broken);
      await assert.rejects(run(program, ["check", "rules", join(folder, "alerts.yaml")]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("asks in its rules for metrics that agents have", () => {
    const rules = readFileSync(join(FOLDER, "alerts.yaml"), "utf8");
    const asked = [...rules.matchAll(/expr: (?:\|\n((?: {10}.*\n)+)|(.*))/g)].flatMap(([all]) =>
      metricsIn(all),
    );
    assert.ok(asked.length >= 20, String(asked.length));
    for (const name of asked) assert.ok(known.has(name), name);
  });

  it("asks in its dashboard for metrics that agents have, in expressions that promtool takes", async () => {
    const text = readFileSync(join(FOLDER, "dashboard.json"), "utf8");
    const { panels, templating } = DASHBOARD.parse(JSON.parse(text));
    const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const definitions = templating.list.flatMap(({ definition }) => definition ?? []);
    const asked = [...expressions, ...definitions].flatMap(metricsIn);
    assert.ok(new Set(asked).size >= 20);
    for (const name of asked) assert.ok(known.has(name), name);
    for (const panel of panels.filter(({ type }) => type !== "row"))
      assert.ok(panel.targets.length > 0, `${panel.title} shows something`);
    const rules = expressions.map((expr, at) => ({
      record: `panel:${at}`,
      expr: expr.replaceAll("$__rate_interval", "1m").replace(/\$(job|virtual_server)/g, ".*"),
    }));
    const folder = mkdtempSync(join(tmpdir(), "heye-dashboard-"));
    try {
      // JSON is YAML.
      writeFileSync(join(folder, "rules.yaml"), JSON.stringify({ groups: [{ name: "panels", rules }] }));
      await run(program, ["check", "rules", join(folder, "rules.yaml")]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("documents every metric of our own", () => {
    const text = readFileSync(join(PROJECT_ROOT, "docs", "metrics.md"), "utf8");
    for (const name of known) if (name.startsWith("heye_")) assert.ok(text.includes(`\`${name}\``), name);
    for (const [, name = ""] of text.matchAll(/`(heye_[a-z0-9_]+)`/g))
      assert.ok(known.has(name), `${name} exists`);
  });

  it("gets a scrape that promtool finds nothing wrong with", async () => {
    await withAgent(async (site) => {
      const { text } = await ask(site.socket, "/metrics");
      // Those of the process are a library's, and have names of its own.
      const ours = text
        .split("\n")
        .filter((line) => /^(# (HELP|TYPE) )?heye_/.test(line))
        .join("\n");
      const linted = execFile(program, ["check", "metrics"]);
      linted.stdin?.end(`${ours}\n`);
      const said: string[] = [];
      linted.stderr?.on("data", (chunk) => said.push(String(chunk)));
      const status = await new Promise((resolve) => linted.on("close", resolve));
      assert.deepEqual([status, said.join("")], [0, ""]);
    });
  });
});

async function withAgent<T>(work: (site: AgentSite) => Promise<T>): Promise<T> {
  const site = await AgentSite.up();
  const server = await LoopbackServer.up();
  try {
    const owner = { id: "me-1", label: "shop/prod Cluster edge" };
    const sorryServer = { address: "10.0.0.250", port: 80, forwarding: "nat" } as const;
    const wanted = virtualServer([server.member], { sorryServer });
    await site.director().change(putVirtualServer(owner, "tcp 192.0.2.1:80", wanted, { known: false }));
    const { watch } = site.keeper.view.pools;
    await until(
      () => watch.counters.checks > 2,
      () => "checks are made",
    );
    return await work(site);
  } finally {
    await site.down();
    await server.kill();
  }
}

/** All that an agent tells; what it tells only of servers that drain, and of kernels that say so, by their lists. */
function metricsOfAnAgent(): Promise<ReadonlySet<string>> {
  return withAgent(async (site) => {
    const { types } = readScrape((await ask(site.socket, "/metrics")).text);
    return new Set([...types.keys(), ...SERVER_METRICS]);
  });
}
