import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EtcdClient } from "../../agent/plane/etcd-client";
import { EtcdPlane } from "../../agent/plane/etcd-plane";
import { putVirtualServer } from "../../director";
import type { SharedEtcd } from "../../director/data";
import { changeEverywhere } from "../../provider/rollout";
import { PROJECT_ROOT } from "../../setup/project";
import { virtualServer } from "../unit/agent-site";
import { authority, type Identity, issue } from "../unit/certificates";
import { Directors, eventually } from "./directors";
import { EtcdCluster } from "./etcd-cluster";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const KEY = "tcp 192.0.2.1:80";
const change = putVirtualServer(ME, KEY, virtualServer([], { healthCheck: { type: "none" } }), {
  known: false,
});

describe("an etcd that lets in whom it knows", () => {
  let folder = "";
  let etcd: EtcdCluster;
  let ca: Identity;
  let agent: Identity;
  let config: SharedEtcd;

  before(async function () {
    this.timeout(300_000);
    folder = mkdtempSync(join(tmpdir(), "heye-etcd-tls-"));
    ca = await authority("heye test CA");
    const server = await issue({ addresses: ["127.0.0.1"] }, ca);
    agent = await issue({ names: ["agent"] }, ca);
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    const tls = {
      ca: file("ca.pem", ca.cert),
      cert: file("server.pem", server.cert),
      key: file("server.key", server.key),
    };
    etcd = await EtcdCluster.up(1, tls);
    // As docs/etcd.md tells it.
    for (const words of documentedCommands()) await etcd.ctl(words);
    await etcd.ctl(["auth", "enable"]);
    config = {
      endpoints: etcd.endpoints,
      tls: { ca: ca.cert, cert: agent.cert, key: agent.key },
      auth: { user: "heye-edge", password: "SECRET" },
      prefix: "/heye/edge",
    };
  });
  after(async () => {
    await etcd?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const attempt = async (changed: Partial<SharedEtcd>) => {
    const whole = { ...config, ...changed };
    const plane = new EtcdPlane(new EtcdClient(whole), whole);
    try {
      return await plane.replace("", 0, "h");
    } finally {
      plane.close();
    }
  };

  it("serves directors that show a certificate and log in, with a role that reaches their prefix alone", async () => {
    const directors = await Directors.up(config);
    try {
      await changeEverywhere(directors.all, change);
      await directors.converge();
      const words = async () => (await directors.at(0).plane?.ask())?.directors.length;
      let count = await words();
      for (let tries = 0; tries < 300 && count !== 3; tries++) count = await words();
      assert.equal(count, 3, "leases too");
    } finally {
      await directors.down();
    }
  });

  it("refuses them another prefix, also one that begins alike, and says so", async () => {
    for (const prefix of ["/heye/other", "/heye/edge2", "/registry"])
      await assert.rejects(
        attempt({ prefix }),
        /etcd \(https:.*\) cannot be used: etcdserver: permission denied/,
        prefix,
      );
  });

  it("refuses those who do not log in, or wrongly, without telling their password", async () => {
    const wrong = { user: "heye-edge", password: "not-the-word" };
    const refused = await attempt({ auth: wrong }).catch((error: unknown) => error as Error);
    assert.match(String(refused), /authentication failed/);
    assert.doesNotMatch(String(refused), /not-the-word/);
    const { auth: _, ...nobody } = config;
    const plane = new EtcdPlane(new EtcdClient(nobody), nobody);
    await assert.rejects(plane.newest(), /user name is empty|permission denied|invalid auth/);
    plane.close();
  });

  it("refuses those without a certificate or with another authority's, and is refused where it is not known", async function () {
    this.timeout(60_000);
    const other = await authority("another CA");
    const foreign = await issue({ names: ["agent"] }, other);
    for (const tls of [{ ca: ca.cert }, { ca: ca.cert, ...foreign }, { ca: other.cert, ...agent }])
      await assert.rejects(attempt({ tls }), /cannot be used/);
  });

  it("is still used when the login's token has run out", async () => {
    const directors = await Directors.up(config);
    try {
      // etcd forgets all tokens, as it does after five minutes.
      await etcd.kill("m1");
      etcd.start("m1");
      await etcd.ready().catch(() => undefined);
      await eventually(
        () => directors.sites.every(({ plane }) => plane?.member.standing.state === "following"),
        () => "they follow again",
      );
    } finally {
      await directors.down();
    }
  });
});

/** The commands of the document, word by word. */
function documentedCommands(): string[][] {
  const text = readFileSync(join(PROJECT_ROOT, "docs", "etcd.md"), "utf8");
  const block = /```sh\n(# A role[\s\S]*?)```/.exec(text)?.[1] ?? "";
  const commands = block.split("\n").filter((line) => line.startsWith("etcdctl "));
  assert.ok(commands.length >= 4, "docs/etcd.md shows how rights are given");
  return commands.map((line) => line.slice("etcdctl ".length).replaceAll(/ +/g, " ").split(" "));
}
