import assert from "node:assert/strict";
import { AGENT_PROTOCOL, PROTOCOL_HEADER } from "../../director/data";
import { ask } from "./agent-http";
import { AgentSite } from "./agent-site";
import { apiClient } from "./api-client";

const PROTOCOL = { [PROTOCOL_HEADER]: String(AGENT_PROTOCOL) };
const PASSWORD = "hunter2hunter2";

describe("an agent's socket", () => {
  let site: AgentSite;
  const status = async (path: string, headers: Record<string, string>) =>
    (await ask(site.socket, path, { headers })).status;

  beforeEach(async () => {
    site = await AgentSite.up();
  });
  afterEach(() => site.down());

  it("answers under its own names alone, whoever asks", async () => {
    const paths = ["/", "/v1/status", "/v1/virtual-servers", "/metrics", "/v1/explain?server=10.0.0.1:80"];
    for (const host of [
      "evil.example",
      "evil.example:8080",
      "localhost.evil.example",
      "agent:80",
      "127.0.0.10",
    ])
      for (const path of [...paths, "/v1/state"])
        assert.equal(await status(path, { host, ...PROTOCOL }), 403, `${path} of ${JSON.stringify(host)}`);
    for (const host of ["agent", "localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:80", "[::1]:9"])
      for (const path of ["/v1/status", "/v1/state"])
        assert.equal(await status(path, { host, ...PROTOCOL }), 200, `${path} of ${host}`);
  });

  it("tells secrets to those alone who speak the provider's protocol", async () => {
    const healthCheck = { type: "mysql", user: "u", password: PASSWORD, query: "select 1" };
    const made = await apiClient(site.socket).post("/v1/virtual-servers", {
      body: { address: "192.0.2.1", port: 3306, healthCheck },
    });
    assert.equal(made.status, 201);
    const path = "/v1/state?registry=-&table=-";
    const spoken = await ask(site.socket, path, { headers: PROTOCOL });
    assert.ok(spoken.text.includes(PASSWORD), "the registry has it");
    for (const headers of [{}, { [PROTOCOL_HEADER]: "0" }]) {
      const { status: refused, text } = await ask(site.socket, path, { headers });
      assert.equal(refused, 400);
      assert.match(text, /expected heye-agent-protocol: 1, found/);
      assert.ok(!text.includes(PASSWORD));
    }
    for (const one of ["/v1/changes", "/v1/checks"])
      assert.equal((await ask(site.socket, one, { method: "POST", body: "{}" })).status, 400, one);
  });

  it("refuses what is no path", async () => {
    for (const path of ["//", "///", "http://["]) assert.equal(await status(path, PROTOCOL), 400, path);
  });
});
