import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../agent";
import { putMember, putVirtualServer } from "../../director";
import { type Edit, entryName } from "../../ipvs";
import { AgentSite, until, virtualServer } from "./agent-site";
import { LoopbackServer } from "./loopback-server";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const KEY = "tcp 192.0.2.1:80";
const NEW = { known: false } as const;
const OLD = { known: true } as const;

describe("what an agent has made, and what the kernel or somebody else has made of it", () => {
  let site: AgentSite;
  let servers: LoopbackServer[] = [];
  const serve = async (count: number) => {
    servers = await Promise.all(Array.from({ length: count }, () => LoopbackServer.up()));
    servers.sort((a, b) => a.port - b.port);
    return servers as [LoopbackServer, LoopbackServer, LoopbackServer];
  };
  const members = () => servers.map(({ member }) => member);
  const line = ({ port }: LoopbackServer, weight: number) =>
    `-a -t 192.0.2.1:80 -r 127.0.0.1:${port} -m -w ${weight}`;
  const service = "-A -t 192.0.2.1:80 -s rr";
  const put = (wanted = virtualServer(members()), manner: { readonly known: boolean } = NEW) =>
    site.director().change(putVirtualServer(ME, KEY, wanted, manner));
  const holds = (...lines: string[]) => {
    const wanted = lines.sort().join("\n");
    return until(
      () => site.kernel.lines.join("\n") === wanted,
      () => `${site.kernel.lines.join("\n")}\ninstead of\n${wanted}`,
    );
  };
  /** The kernel refuses edits of a server until that is ended; the others are made. */
  const refusing = (server: LoopbackServer) => {
    const real = site.kernel.write.bind(site.kernel);
    const isOf = (one: Edit) => "destination" in one && one.destination.port === server.port;
    site.kernel.write = async (edits) => {
      const complaint = edits.some(isOf) ? "Memory allocation problem" : "";
      return (await real(edits.filter((one) => !isOf(one)))) || complaint;
    };
    return () => {
      site.kernel.write = real;
    };
  };
  const repairs = () => site.keeper.view.repairs;

  beforeEach(async () => {
    site = await AgentSite.up();
  });
  afterEach(async () => {
    await site.down();
    await Promise.all(servers.map((server) => server.kill()));
    servers = [];
  });

  it("takes nothing back where drift is only told of, also of a server that dies", async () => {
    const [a, b] = await serve(2);
    await put(virtualServer(members(), { driftPolicy: "report" }));
    await site.keeper.reconcile();
    site.kernel.set(`${service}\n${line(a, 9)}\n${line(b, 3)}\n`);
    await site.keeper.reconcile();
    await a.kill();
    await holds(service, line(a, 0), line(b, 3));
    assert.equal(repairs(), 0);
  });

  it("counts what the kernel has taken, however often it was tried", async () => {
    const [a, b] = await serve(2);
    await put();
    await site.keeper.reconcile();
    const end = refusing(a);
    site.kernel.set(`${service}\n${line(a, 9)}\n${line(b, 9)}\n`);
    for (let look = 0; look < 3; look++) await site.keeper.reconcile();
    await holds(service, line(a, 9), line(b, 3));
    assert.equal(repairs(), 1);
    end();
    await site.keeper.reconcile();
    await holds(service, line(a, 3), line(b, 3));
    assert.equal(repairs(), 2);
  });

  for (const settings of [{}, { driftPolicy: "report" }] as const)
    it(`knows what was made of a batch of which a part was refused ${JSON.stringify(settings)}`, async () => {
      const [a, b, c] = await serve(3);
      await put(virtualServer(members(), settings));
      await site.keeper.reconcile();
      const end = refusing(b);
      await Promise.all([a.kill(), b.kill()]);
      await holds(service, line(a, 0), line(b, 3), line(c, 3));
      await a.revive();
      await holds(service, line(a, 3), line(b, 3), line(c, 3));
      end();
      await site.keeper.reconcile();
      await holds(service, line(a, 3), line(b, 0), line(c, 3));
      assert.deepEqual([repairs(), site.keeper.view.drift], [0, []]);
    });

  it("makes what was refused of a change, and does not take it for somebody else's doing", async () => {
    const [a, b] = await serve(2);
    await put(virtualServer(members(), { driftPolicy: "report" }));
    await site.keeper.reconcile();
    const end = refusing(a);
    const heavier = members().map((one) => ({ ...one, weight: 5 }));
    await assert.rejects(put(virtualServer(heavier, { driftPolicy: "report" }), OLD), /Memory allocation/);
    end();
    await site.keeper.reconcile();
    await site.keeper.reconcile();
    await holds(service, line(a, 5), line(b, 5));
    assert.deepEqual([repairs(), site.keeper.view.drift], [0, []]);
  });

  it("leaves the thresholds of servers that are nobody's", async () => {
    const [a] = await serve(1);
    await put(virtualServer([], { pool: "separate" }));
    const member = { ...a.member, upperThreshold: 1_000, resource: "a", token: "t2" };
    // The director looks for thresholds over SSH, which there is none of here.
    await site
      .director()
      .change(putMember(ME, KEY, member, NEW))
      .catch(() => undefined);
    await site.keeper.reconcile();
    const foreign = { address: "10.9.9.9", port: 80, method: "nat", weight: 7, extra: "" } as const;
    const thresholds = { upper: 5, lower: 2 };
    site.kernel.table = site.kernel.table.map((one) => ({
      ...one,
      destinations: [...one.destinations, { ...foreign, thresholds }],
    }));
    for (let look = 0; look < 2; look++) await site.keeper.reconcile();
    const [found] = site.kernel.table;
    assert.equal(found?.destinations[0]?.thresholds?.upper, 1_000);
    const names = site.kernel.edits.map((one) =>
      entryName(one.service, "destination" in one ? one.destination : undefined),
    );
    assert.ok(!names.includes(entryName(found, foreign)), names.join("\n"));
    assert.equal(repairs(), 0);
  });

  it("goes on from a change that is left on a disk that is full", async () => {
    const [a, b] = await serve(2);
    await put();
    await site.stop();
    const after = site.keeper.view.text;
    for (const scope of [[], [KEY]]) {
      // Written already; and not yet.
      if (scope.length > 0) writeFileSync(join(site.folder, "registry"), "");
      writeFileSync(join(site.folder, "agent", "journal.json"), JSON.stringify({ after, scope }));
      let isFull = true;
      await site.start({
        store: (real): Store => ({
          load: () => real.load(),
          begin: (journal) => real.begin(journal),
          saveHealth: (record) => real.saveHealth(record),
          commit: (registry) =>
            isFull ? Promise.reject(new Error("ENOSPC: no space left on device")) : real.commit(registry),
        }),
      });
      await a.kill();
      await holds(service, line(a, 0), line(b, 3));
      assert.match(site.keeper.view.trouble ?? "", /the registry could not be written: ENOSPC/);
      isFull = false;
      await site.keeper.reconcile();
      assert.deepEqual([site.keeper.view.trouble, site.keeper.view.text], [undefined, after]);
      await a.revive();
      await holds(service, line(a, 3), line(b, 3));
      await site.stop();
    }
    await site.start();
  });
});
