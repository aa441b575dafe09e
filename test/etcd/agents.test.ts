import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Director, putVirtualServer, removeVirtualServer } from "../../director";
import { RolloutError } from "../../provider/errors";
import { changeEverywhere } from "../../provider/rollout";
import { type AgentSite, QUICK, virtualServer } from "../unit/agent-site";
import { LoopbackServer as Server } from "../unit/loopback-server";
import { Directors, eventually } from "./directors";
import { EtcdCluster } from "./etcd-cluster";
import { Relay } from "./relay";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const NEW = { known: false } as const;
const NO_CHECK = { type: "none" } as const;

/** A virtual server that nobody checks, of so many members. */
const web = (port: number, members = 1, weight = 1) =>
  virtualServer(
    Array.from({ length: members }, (_, index) => ({
      ...{ address: `10.0.0.${index + 1}`, port, weight, forwarding: "nat" as const },
    })),
    { port, resource: `web-${port}`, token: `t-${port}`, healthCheck: NO_CHECK },
  );
const keyOf = (port: number) => `tcp 192.0.2.1:${port}`;
const put = (port: number, members?: number, weight?: number) =>
  putVirtualServer(ME, keyOf(port), web(port, members, weight), { known: true });
const remove = (port: number) =>
  removeVirtualServer(ME, keyOf(port), { resource: `web-${port}`, token: `t-${port}` });
const revisionOf = (site: AgentSite) => site.plane?.member.standing.revision ?? 0;
const stateOf = (site: AgentSite) => site.plane?.member.standing.state;

describe("directors that share an etcd", () => {
  let etcd: EtcdCluster;
  let directors: Directors;

  before(async function () {
    this.timeout(300_000);
    etcd = await EtcdCluster.up(3);
  });
  after(() => etcd?.down());
  afterEach(async () => {
    for (const { name } of etcd.members) etcd.resume(name);
    await directors?.down();
  });
  const up = async (...rest: Parameters<typeof Directors.up> extends [unknown, ...infer R] ? R : never) => {
    directors = await Directors.up({ endpoints: etcd.endpoints }, ...rest);
    return directors;
  };
  const lines = (site: AgentSite) => site.kernel.lines.join("\n");

  it("hold what any of them was told", async () => {
    await up();
    await directors.at(0).director().change(put(80, 2));
    await directors.converge();
    await directors.at(2).director().change(put(81, 1));
    await directors.converge();
    await directors.at(1).director().change(remove(80));
    await directors.converge();
    assert.equal(
      lines(directors.at(0)),
      "-A -t 192.0.2.1:81 -s rr\n-a -t 192.0.2.1:81 -r 10.0.0.1:81 -m -w 1",
    );
    assert.equal(revisionOf(directors.at(0)), 3);
  });

  it("agree once on a change that each is asked for, and on its undoing", async () => {
    await up();
    const { all } = directors;
    const made = await changeEverywhere(all, put(80, 2));
    await directors.converge();
    assert.equal(revisionOf(directors.at(0)), 1, "one change, one revision");
    assert.match(lines(directors.at(1)), /10\.0\.0\.2:80/);
    await changeEverywhere(all, put(80, 3));
    assert.deepEqual(await made.takeBack(), []);
    await directors.converge();
    assert.deepEqual(directors.tables, ["", "", ""], "what stood before the first change stands again");
  });

  it("take many changes at the same time, from several runs that ask all of them", async () => {
    await up();
    const runs = [directors.all, directors.all];
    const ports = Array.from({ length: 30 }, (_, index) => 8_000 + index);
    await Promise.all(ports.map((port, index) => changeEverywhere(runs[index % 2] as Director[], put(port))));
    await directors.converge();
    assert.equal(directors.at(0).kernel.table.length, 30);
    await Promise.all(
      ports.map((port, index) => changeEverywhere(runs[index % 2] as Director[], remove(port))),
    );
    await directors.converge();
    assert.deepEqual(directors.tables, ["", "", ""]);
  });

  it("are all put back when one of them fails", async () => {
    await up();
    await changeEverywhere(directors.all, put(80, 1));
    const { kernel } = directors.at(2);
    const write = kernel.write.bind(kernel);
    kernel.write = async (edits) =>
      edits.some(({ kind }) => kind === "add-destination") ? "Memory allocation problem" : write(edits);
    const failed = await changeEverywhere(directors.all, put(80, 2)).catch((error: unknown) => error);
    assert.ok(failed instanceof RolloutError);
    assert.match(failed.message, /1 of 3 directors failed/);
    kernel.write = write;
    await directors.converge();
    assert.equal(
      lines(directors.at(0)),
      "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1",
    );
  });

  it("leave entries alone that belong to nobody on one of them, and take the place when they are gone", async () => {
    const foreign = "-A -t 192.0.2.1:80 -s lblc\n-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 7\n";
    await up((site, index) => {
      if (index === 1) site.kernel.set(foreign);
    });
    await directors.at(0).director().change(put(80));
    await directors.converge([directors.at(0), directors.at(2)]);
    const { plane, kernel } = directors.at(1);
    await eventually(
      () => plane?.member.standing.conflicts.length === 1,
      () => "it tells of the conflict",
    );
    assert.equal(`${kernel.lines.join("\n")}\n`, foreign);
    assert.match(
      plane?.member.standing.conflicts[0] ?? "",
      /tcp 192\.0\.2\.1:80 stands here already and belongs to nobody/,
    );
    await assert.rejects(
      changeEverywhere(directors.all, putVirtualServer(ME, keyOf(80), web(80, 2), NEW)),
      /d2.*already exists/s,
    );
    kernel.set("");
    await directors.converge();
  });

  it("go on without etcd: servers fall and come back, changes are refused, and all is well when it is back", async () => {
    await up();
    const server = await Server.up();
    const checked = virtualServer([server.member], { healthCheck: QUICK });
    await changeEverywhere(directors.all, putVirtualServer(ME, keyOf(80), checked, NEW));
    await directors.converge();
    for (const name of ["m1", "m2"]) await etcd.kill(name);
    const refused = await changeEverywhere(directors.all, put(81)).catch((error: unknown) => error as Error);
    assert.match(String(refused), /etcd \(http:.*\) cannot be used: .*HEYE_SHARED_STORE/s);
    await eventually(
      () => directors.sites.every((site) => stateOf(site) === "lost"),
      () => "they say so",
    );
    await server.kill();
    const weight = (value: number) => directors.sites.every((site) => lines(site).endsWith(`-w ${value}`));
    await eventually(
      () => weight(0),
      () => lines(directors.at(0)),
    );
    await server.revive();
    await eventually(
      () => weight(3),
      () => lines(directors.at(0)),
    );
    for (const name of ["m1", "m2"]) etcd.start(name);
    await etcd.ready();
    await eventually(
      () => directors.sites.every((site) => stateOf(site) === "following"),
      () => "they follow again",
    );
    await changeEverywhere(directors.all, put(81));
    await directors.converge();
    assert.match(lines(directors.at(1)), /192\.0\.2\.1:81/);
    await server.kill();
  });

  it("bear a member that is killed, and one that stands still", async () => {
    await up();
    await changeEverywhere(directors.all, put(80));
    await etcd.kill("m2");
    await changeEverywhere(directors.all, put(81));
    etcd.start("m2");
    await etcd.ready();
    etcd.pause("m3");
    await changeEverywhere(directors.all, put(82));
    await directors.converge();
    etcd.resume("m3");
    assert.equal(directors.at(2).kernel.table.length, 3);
  });

  it("bear every member's being replaced by one that has nothing yet, while changes are made", async () => {
    await up();
    let port = 80;
    for (const { name } of etcd.members) {
      const replaced = etcd.replace(name);
      replaced.catch(() => undefined);
      for (let tries = 0; tries < 3; tries++) await changeEverywhere(directors.all, put(port++));
      await replaced;
      await changeEverywhere(directors.all, put(port++, 2));
    }
    await directors.converge();
    assert.equal(directors.at(0).kernel.table.length, port - 80);
    assert.equal(revisionOf(directors.at(2)), port - 80);
    for (const site of directors.sites) assert.equal(stateOf(site), "following");
  });

  it("jump to what is newest after a partition and after a long absence, with one plan", async () => {
    const relays = await Promise.all(etcd.members.map(({ client }) => Relay.to(client)));
    await up((site, index) => {
      if (index === 2)
        site.etcd = {
          ...(site.etcd as NonNullable<AgentSite["etcd"]>),
          endpoints: relays.map(({ port }) => `http://127.0.0.1:${port}`),
        };
    });
    await directors.at(0).director().change(put(80));
    await directors.converge();
    for (const relay of relays) relay.cut();
    await directors.at(1).stop();
    for (let round = 0; round < 30; round++) {
      for (const port of [81, 82])
        await directors
          .at(0)
          .director()
          .change(put(port, 1 + (round % 3), round + 1));
      if (round === 20) await etcd.ctl(["compaction", await storeRevision(etcd)]);
    }
    assert.equal(directors.at(2).kernel.table.length, 1);
    for (const relay of relays) relay.mend();
    directors.at(1).kernel.edits.length = 0;
    await directors.at(1).start();
    await directors.converge();
    const edits = directors.at(1).kernel.edits.length;
    assert.ok(edits <= 2 + 6, `the state in between was not made: ${edits} edits`);
    for (const relay of relays) await relay.close();
  });

  it("do not follow an etcd that was emptied, until one of them puts its registry back", async () => {
    await up();
    await changeEverywhere(directors.all, put(80, 2));
    await directors.converge();
    const before = directors.tables;
    await etcd.wipe();
    await eventually(
      () => directors.sites.every((site) => stateOf(site) === "alarm"),
      () => "they raise an alarm",
    );
    await assert.rejects(
      changeEverywhere(directors.all, put(81)),
      /it holds nothing any more.*HEYE_SHARED_STORE/s,
    );
    assert.deepEqual(directors.tables, before);
    const { plane, keeper } = directors.at(1);
    await plane?.restore(keeper.view.text);
    await eventually(
      () => directors.sites.every((site) => stateOf(site) === "following"),
      () => "they follow again",
    );
    await changeEverywhere(directors.all, put(81));
    await directors.converge();
    assert.equal(directors.at(0).kernel.table.length, 2);
  });

  it("all follow a registry that one of them puts back where another has begun anew meanwhile", async () => {
    await up();
    await changeEverywhere(directors.all, put(80, 2));
    await directors.converge();
    await directors.at(2).stop();
    await etcd.wipe();
    // As one whose agent was removed and installed again: it remembers nothing, and has what was registered.
    rmSync(join(directors.at(2).folder, "agent", "plane.json"));
    await directors.at(2).start();
    await eventually(
      () => directors.sites.map(stateOf).join() === "alarm,alarm,following",
      () => directors.sites.map(stateOf).join(),
    );
    const { plane, keeper } = directors.at(0);
    await plane?.restore(keeper.view.text);
    await eventually(
      () => directors.sites.every((site) => stateOf(site) === "following"),
      () => directors.sites.map((site) => site.plane?.member.standing.reason).join(),
    );
    await changeEverywhere(directors.all, put(81));
    await directors.converge();
    assert.equal(directors.at(1).kernel.table.length, 2);
  });

  it("do not follow an etcd that was put back to an older state, until that is accepted", async () => {
    await up();
    await changeEverywhere(directors.all, put(80));
    const snapshot = join(etcd.folder, "old.db");
    await etcd.save(snapshot);
    await changeEverywhere(directors.all, put(81));
    await directors.converge();
    await etcd.restore(snapshot);
    await eventually(
      () => directors.sites.every((site) => stateOf(site) === "alarm"),
      () => "they raise an alarm",
    );
    assert.match(
      directors.at(0).plane?.member.standing.reason ?? "",
      /it is at revision 1, and revision 2 was followed here/,
    );
    assert.equal(directors.at(0).kernel.table.length, 2);
    for (const { plane } of directors.sites) await plane?.member.accept();
    await directors.converge();
    assert.equal(directors.at(0).kernel.table.length, 1);
  });

  it("begin with what is registered on them, and one that joins with something else takes nothing away", async () => {
    const alone = new Map<string, AgentSite>();
    await up((site) => {
      alone.set(site.name, site);
      site.etcd = undefined;
    });
    await directors.at(1).director().change(put(80));
    await directors.at(2).director().change(put(81));
    for (const site of directors.sites) {
      await site.stop();
      site.etcd = directors.etcd;
    }
    await directors.at(0).start();
    await directors.at(1).start();
    await directors.converge([directors.at(0), directors.at(1)]);
    assert.equal(directors.at(0).kernel.table.length, 1, "who had nothing waited for who had something");
    await directors.at(2).start();
    await eventually(
      () => stateOf(directors.at(2)) === "alarm",
      () => "it does not follow",
    );
    assert.match(
      directors.at(2).plane?.member.standing.reason ?? "",
      /joins with virtual servers that are not declared there.*:81/,
    );
    assert.match(lines(directors.at(2)), /192\.0\.2\.1:81/);
    await directors.at(2).plane?.member.accept();
    await directors.converge();
  });

  it("see nothing of those who have another prefix", async () => {
    await up();
    const others = await Directors.up({ endpoints: etcd.endpoints });
    try {
      await changeEverywhere(directors.all, put(80));
      await changeEverywhere(others.all, put(90));
      await directors.converge();
      await others.converge();
      assert.match(directors.tables[0] ?? "", /:80/);
      assert.doesNotMatch(directors.tables.join(), /:90/);
      assert.doesNotMatch(others.tables.join(), /:80/);
      const names = (await others.at(0).plane?.ask())?.directors.map(({ director }) => director);
      assert.deepEqual(names, ["d1", "d2", "d3"]);
    } finally {
      await others.down();
    }
  });

  it("tell each other what they have applied, and are gone from there when they end", async () => {
    await up();
    await changeEverywhere(directors.all, put(80));
    const words = async () => (await directors.at(0).plane?.ask())?.directors ?? [];
    let all = await words();
    for (let tries = 0; tries < 500 && !all.every(({ revision }) => revision === 1); tries++)
      all = await words();
    assert.deepEqual(
      all.map(({ director, revision }) => [director, revision]),
      [
        ["d1", 1],
        ["d2", 1],
        ["d3", 1],
      ],
    );
    assert.equal(new Set(all.map(({ digests }) => JSON.stringify(digests))).size, 1);
    await directors.at(2).stop();
    assert.deepEqual(
      (await words()).map(({ director }) => director),
      ["d1", "d2"],
    );
    await directors.at(2).start();
  });
});

async function storeRevision(etcd: EtcdCluster): Promise<string> {
  const text = await etcd.ctl(["get", "x", "--write-out=json"]);
  return String((JSON.parse(text) as { header: { revision: number } }).header.revision);
}
