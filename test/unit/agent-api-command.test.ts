import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { PROJECT_ROOT } from "../../setup/project";
import { AgentSite } from "./agent-site";
import { ModelledServers } from "./modelled-servers";

const PROGRAM = join(PROJECT_ROOT, "dist", "agent", "heye-agent.js");
const CLI = join(PROJECT_ROOT, "dist", "cli", "index.js");

/** Runs a program of ours to its end. */
async function run(program: string, args: readonly string[], input = "") {
  const child = spawn(process.execPath, [program, ...args]);
  child.stdin.on("error", () => undefined).end(input);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { code, out, err };
}

describe("raw requests by a command", () => {
  let site: AgentSite;
  before(async () => {
    site = await AgentSite.up(undefined, { dial: new ModelledServers().dial });
  });
  after(() => site.down());

  const api = (args: readonly string[], input?: string) =>
    run(PROGRAM, ["api", ...args, "--socket", site.socket], input);

  it("send what they are given, print what is answered, and end as it is", async () => {
    const path = "/v1/virtual-servers/tcp-192.0.2.1-80";
    const body = '{"healthCheck":{"type":"none"},"realServers":[{"address":"10.0.0.1"}]}';
    const made = await api(["PUT", path, "--data", "-"], body);
    assert.deepEqual([made.code, made.err], [0, ""]);
    assert.equal(JSON.parse(made.out).id, "tcp-192.0.2.1-80");
    const weight = await api(["PUT", `${path}/real-servers/10.0.0.1-80/weight`, "--data", '{"weight":7}']);
    assert.deepEqual([weight.code, weight.out], [0, '{"weight":7}\n']);
    const stale = await api(["PATCH", path, "--data", '{"scheduler":"rr"}', "--if-match", '"00"']);
    assert.equal(stale.code, 1);
    assert.match(stale.err, /412/);
    assert.equal(JSON.parse(stale.out).code, "HEYE_OTHER_VERSION");
    const head = await api(["HEAD", path]);
    const [, tag = ""] = /^HTTP\/1\.1 200 OK\n(?:.+\n)*etag: (.+)\n(?:.+\n)*$/.exec(head.out) ?? [];
    const fresh = await api(["PATCH", path, "--data", '{"scheduler":"rr"}', "--if-match", tag, "--include"]);
    assert.equal(fresh.code, 0, head.out);
    assert.match(fresh.out, /^HTTP\/1\.1 200 OK\n(?:.+\n)*heye-revision: (?:.+\n)+\n\{"id":.*\n$/);
    const gone = await api(["DELETE", `${path}?drain-ms=0`]);
    assert.deepEqual([gone.code, gone.out], [0, ""]);
    const none = await run(PROGRAM, ["api", "GET", "/v1/status", "--socket", `${site.socket}.not`]);
    assert.equal(none.code, 1);
    assert.match(none.err, /no agent answers on/);
  });

  it("end drains as far as they may, and say who has drained a server besides", async () => {
    const path = "/v1/virtual-servers/tcp-192.0.2.2-80";
    const body = '{"healthCheck":{"type":"none"},"realServers":[{"address":"10.0.0.1"}]}';
    await api(["PUT", path, "--data", body]);
    const agent = (...words: string[]) => run(PROGRAM, [...words, "--socket", site.socket]);
    const [server, key] = ["10.0.0.1:80", "tcp 192.0.2.2:80"];
    assert.equal((await agent("drain", server)).out, `${server} takes no new connections in ${key}\n`);
    await api(["PUT", `${path}/real-servers/10.0.0.1-80/drain`]);
    assert.match((await agent("status")).out, /\[drained, drained by the API\]/);
    const still = `${server} still takes no connections in ${key} (drained by the API): DELETE ${path}/real-servers/10.0.0.1-80/drain of the REST API ends that drain\n`;
    assert.equal((await agent("undrain", server)).out, still);
    await api(["DELETE", `${path}/real-servers/10.0.0.1-80/drain`]);
    assert.equal((await agent("undrain", server)).out, `${server} takes connections in ${key}\n`);
    const elsewhere = await agent("drain", server, "--service", "tcp 1.2.3.4:80");
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.err, /no virtual server "tcp 1\.2\.3\.4:80" is declared here/);
    const nobody = await agent("drain", "10.0.0.9:80", "--service", key);
    assert.match(nobody.err, /virtual server tcp 192\.0\.2\.2:80 has no real server "10\.0\.0\.9:80"/);
    await api(["DELETE", `${path}?drain-ms=0`]);
  });

  it("are explained when they are asked to be, and when they cannot be read", async () => {
    const help = await run(PROGRAM, ["--help"]);
    assert.deepEqual([help.code, help.err], [0, ""]);
    assert.match(help.out, /^usage: heye-agent run/);
    const mistyped = await run(PROGRAM, ["status", "--jsn"]);
    assert.equal(mistyped.code, 2);
    assert.match(mistyped.err, /^heye-agent: Unknown option '--jsn'[\s\S]*\nusage: heye-agent run/);
  });

  it("refuse what a shell could take for something else, and say how they are used", async () => {
    for (const args of [
      ["GET", "/v1/status'; reboot #", "--host", "lb1"],
      ["GET", "/v1/status", "--host=-oProxyCommand=reboot"],
      ["GET", "/v1/status", "--host", "lb1", "--if-match", "'"],
      ["EXPLODE", "/v1/status", "--host", "lb1"],
      ["GET", "/v1/status"],
      ["GET", "v1/status", "--host", "lb1"],
    ]) {
      const { code, err } = await run(CLI, ["api", ...args]);
      assert.equal(code, 2, args.join(" "));
      assert.match(err, /^heye api: expected /);
      assert.match(err, /usage: heye api METHOD PATH/);
    }
    const { code, err } = await run(CLI, ["drain", "10.0.0.1:80", "--hst", "lb1"]);
    assert.equal(code, 2);
    assert.match(err, /^heye drain: Unknown option '--hst'\. `heye drain --help` has all options\.\n$/);
  });
});
