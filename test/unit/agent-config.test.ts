import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, readConfig } from "../../agent/config";
import { agentConfigText, configDigest } from "../../director";

const ETCD = {
  endpoints: ["https://10.0.0.5:2379"],
  tls: { ca: "ca", cert: "cert", key: "key-1" },
  auth: { user: "heye", password: "pw-1" },
  prefix: "/heye/edge",
};

const API = {
  listen: "0.0.0.0:9443",
  tls: { ca: "ca", cert: "cert", key: "key-2" },
  readOnly: ["monitor"],
  readWrite: ["deploy"],
};

describe("what an agent is told in its file", () => {
  let folder = "";
  const file = () => join(folder, "agent.json");

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "heye-config-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is what the provider wrote, and is known by the same digest", async () => {
    const text = agentConfigText({ director: "d1", etcd: ETCD, api: API });
    await writeFile(file(), text);
    const { config, digest } = await readConfig(file());
    assert.deepEqual(config, { director: "d1", etcd: ETCD, api: API });
    assert.equal(digest, configDigest(text));
  });

  it("is nothing where there is no file, which is all that a cluster without any of it writes", async () => {
    assert.equal(agentConfigText({ director: "d1" }), "");
    assert.deepEqual(await readConfig(file()), { digest: configDigest("") });
  });

  it("is refused where it cannot be used, without a word of its secrets", async () => {
    const broken = ['{"director":"d1"', '{"director":"d1","etcd":{"prefix":"pw-1"}}', '{"other":"pw-1"}'];
    for (const text of broken) {
      await writeFile(file(), text);
      const refused = await readConfig(file()).catch((error: unknown) => error);
      assert.ok(refused instanceof ConfigError, text);
      assert.match(refused.message, /agent\.json cannot be used \(/);
      assert.doesNotMatch(refused.message, /pw-1/);
    }
  });
});
