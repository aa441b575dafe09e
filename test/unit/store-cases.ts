/**
 * What is promised of wherever the declared state is kept: one list of cases, for a director's own file (in the layer unit) and
 * for an etcd that directors share (in the layer etcd). Each is asked at two doors: of one agent, or of two that share.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Declared, KeeperDeclarations } from "../../agent/api/declarations";
import { putVirtualServer, type Registry } from "../../director";
import { Life } from "./agent-life";
import { type AgentSite, until, virtualServer } from "./agent-site";
import type { CrashPoint } from "./agent-walk-schedule";
import { apiClient } from "./api-client";

/** A place where the declared state is kept. */
export interface Place {
  /** Agents that keep it: one, or all that share it. The doors are the first and the last. */
  readonly sites: readonly AgentSite[];
  /** Whether a change is taken before the agent that was asked begins to make it. */
  readonly isAgreedFirst: boolean;
  /** Waits until all agents hold the same. */
  settle(): Promise<void>;
  down(): Promise<void>;
}

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const OTHERS = { id: "me-2", label: "shop/test Cluster edge" };
const VS = "/v1/virtual-servers";
const WEB = `${VS}/tcp-192.0.2.1-80`;
const NO_CHECK = { type: "none" } as const;

/** Points of a change at which an agent ends, and whether it had begun by then: so it is made by the next one. */
const CRASHES: readonly (readonly [point: CrashPoint, isBegun: boolean])[] = [
  ["journal torn", false],
  ["journal written", true],
  ["batch half made", true],
  ["registry torn", true],
  ["change ended", true],
];

const keyOf = (port: number) => `tcp 192.0.2.1:${port}`;
/** A virtual server with servers that nobody checks, by their last numbers. */
const web = (port: number, hosts: readonly number[]) =>
  virtualServer(
    hosts.map((host) => ({ address: `10.0.0.${host}`, port, weight: 1, forwarding: "nat" as const })),
    { port, resource: `web-${port}`, token: `t-${port}`, healthCheck: NO_CHECK },
  );
/** A registry of such virtual servers, by their ports. */
const registryOf = (pools: Readonly<Record<number, readonly number[]>>): Registry => ({
  owners: {
    [ME.id]: {
      label: ME.label,
      virtualServers: Object.fromEntries(
        Object.entries(pools).map(([port, hosts]) => [keyOf(Number(port)), web(Number(port), hosts)]),
      ),
    },
  },
});
const SCOPE = new Set([keyOf(80), keyOf(81)]);
const linesOf = (port: number, hosts: readonly number[]) => [
  `-A -t 192.0.2.1:${port} -s rr`,
  ...hosts.map((host) => `-a -t 192.0.2.1:${port} -r 10.0.0.${host}:${port} -m -w 1`),
];

/** @param up makes a place in which nothing is declared yet, for one case */
export function storeCases(up: () => Promise<Place>): void {
  let place: Place;
  let one: AgentSite;
  let other: AgentSite;

  beforeEach(async () => {
    place = await up();
    const [first, last] = [place.sites[0], place.sites.at(-1)];
    assert.ok(first && last);
    [one, other] = [first, last];
  });
  afterEach(() => place.down());

  /** As those see it who declare something there. An agent that starts again is another one. */
  const at = (site: AgentSite) => new KeeperDeclarations(site.plane?.declaring ?? site.keeper, site.name);
  const declare = async (
    site: AgentSite,
    pools: Readonly<Record<number, readonly number[]>>,
    before?: Declared,
  ) => at(site).declare(before ?? (await at(site).read()), registryOf(pools), SCOPE);
  /** All agents hold this, and so do their kernels. */
  const holds = async (pools: Readonly<Record<number, readonly number[]>>) => {
    await place.settle();
    for (const site of place.sites) {
      const { registry } = await at(site).read();
      const wanted = Object.keys(pools).length === 0 ? { owners: {} } : registryOf(pools);
      assert.deepEqual(registry, wanted, site.name);
      const lines = Object.entries(pools).flatMap(([port, hosts]) => linesOf(Number(port), hosts));
      // One that has just started may still be at it.
      await until(
        () => site.kernel.lines.join("\n") === lines.sort().join("\n"),
        () => `${site.name} has ${site.kernel.lines.join("\n")}`,
      );
    }
  };
  const apis = () => [apiClient(one.socket), apiClient(other.socket)] as const;
  const body = { address: "192.0.2.1", port: 80, scheduler: "rr", healthCheck: NO_CHECK, realServers: [] };
  const statusOf = async (asked: Promise<{ readonly status: number }>) => (await asked).status;

  it("shows at each door what was declared at the other, by the same revision, until it is taken off there", async () => {
    const empty = (await at(other).read()).revision;
    const made = await declare(one, { 80: [1, 2] });
    assert.deepEqual([made.outcome, made.messages], ["applied", ""]);
    assert.equal((await at(other).read()).revision, made.revision);
    await holds({ 80: [1, 2] });
    assert.equal((await declare(other, { 81: [1] })).outcome, "applied");
    await holds({ 81: [1] });
    const none = await at(one).declare(await at(one).read(), { owners: {} }, SCOPE);
    assert.deepEqual([none.outcome, none.revision], ["applied", empty]);
    await holds({});
  });

  it("takes a change of what is declared, and none of what was: that is told, and nothing of it is made", async () => {
    const before = await at(other).read();
    assert.equal((await declare(one, { 80: [1] })).outcome, "applied");
    assert.equal((await declare(other, { 80: [2] }, before)).outcome, "changed");
    await holds({ 80: [1] });
    assert.equal((await declare(other, { 80: [2] })).outcome, "applied");
    await holds({ 80: [2] });
  });

  it("lets one of two writers win who change the same at the same moment, and tells the other", async () => {
    for (let round = 1; round <= 5; round++) {
      const read = await Promise.all([at(one).read(), at(other).read()]);
      const [first, second] = await Promise.all([
        declare(one, { 80: [round] }, read[0]),
        declare(other, { 80: [100 + round] }, read[1]),
      ]);
      assert.deepEqual([first.outcome, second.outcome].sort(), ["applied", "changed"]);
      await holds({ 80: [first.outcome === "applied" ? round : 100 + round] });
    }
  });

  it("loses nothing of writers who come at once at both doors of the API", async () => {
    const doors = apis();
    assert.equal(await statusOf(doors[0].post(VS, { body })), 201);
    await place.settle();
    const hosts = Array.from({ length: 10 }, (_, index) => index + 1);
    const statuses = await Promise.all(
      hosts.map((host) =>
        statusOf(
          (host % 2 === 0 ? doors[0] : doors[1]).post(`${WEB}/real-servers`, {
            body: { address: `10.0.1.${host}` },
          }),
        ),
      ),
    );
    assert.deepEqual(new Set(statuses), new Set([201]));
    await place.settle();
    for (const door of doors) assert.equal((await door.get(WEB)).body.realServers.length, hosts.length);
  });

  it("keeps a change from whoever names another version than is declared, at whichever door that was made", async () => {
    const [here, there] = apis();
    const { headers: first } = await here.post(VS, { body });
    await place.settle();
    const ifMatch = (headers: { readonly etag?: string | undefined }) => ({
      headers: { "if-match": headers.etag ?? "" },
    });
    const changed = await there.patch(WEB, { body: { scheduler: "lc" }, ...ifMatch(first) });
    assert.equal(changed.status, 200);
    const late = await here.patch(WEB, { body: { scheduler: "wrr" }, ...ifMatch(first) });
    assert.equal(late.status, 412);
    assert.deepEqual(late.body.differs, [{ path: "scheduler", expected: "rr", found: "lc" }]);
    assert.equal(await statusOf(here.remove(WEB, ifMatch(first))), 412);
    assert.equal(await statusOf(here.put(WEB, { body, headers: { "if-none-match": "*" } })), 412);
    await place.settle();
    for (const { kernel } of place.sites) assert.deepEqual(kernel.lines, ["-A -t 192.0.2.1:80 -s lc"]);
    assert.equal(
      await statusOf(here.patch(WEB, { body: { scheduler: "wrr" }, ...ifMatch(changed.headers) })),
      200,
    );
  });

  it("takes a transaction whole, and nothing of one that is refused in part or was made of another revision", async () => {
    const [here, there] = apis();
    const { headers } = await here.post(VS, { body: { ...body, realServers: [{ address: "10.0.0.1" }] } });
    await place.settle();
    const weight = { method: "PUT", path: `${WEB}/real-servers/10.0.0.1-80/weight`, body: { weight: 8 } };
    const second = { method: "POST", path: VS, body: { ...body, port: 81 } };
    const missing = { method: "DELETE", path: `${WEB}/real-servers/10.0.0.77-80` };
    const transact = (edits: readonly object[], revision?: string) =>
      there.post("/v1/transactions", {
        body: { edits },
        ...(revision !== undefined && { headers: { "if-match": `"${revision}"` } }),
      });
    assert.equal(await statusOf(transact([second, weight, missing])), 404);
    const before = String(headers["heye-revision"]);
    assert.equal(await statusOf(here.patch(WEB, { body: { scheduler: "lc" } })), 200);
    assert.equal(await statusOf(transact([second, weight], before)), 412);
    await place.settle();
    const pool = (heavy: number) => `-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w ${heavy}`;
    for (const { kernel } of place.sites)
      assert.deepEqual(kernel.lines, ["-A -t 192.0.2.1:80 -s lc", pool(1)]);
    const now = (await here.get(VS)).headers["heye-revision"];
    const made = await transact([second, weight], String(now));
    assert.equal(made.status, 200, JSON.stringify(made.body));
    await place.settle();
    for (const { kernel } of place.sites)
      assert.deepEqual(
        kernel.lines,
        ["-A -t 192.0.2.1:80 -s lc", pool(8), "-A -t 192.0.2.1:81 -s rr"].sort(),
      );
  });

  it("lets one owner alone have a virtual server, whichever door another one comes by", async () => {
    const put = (owner: typeof ME) => putVirtualServer(owner, keyOf(80), web(80, [1]), { known: false });
    await one.director().change(put(ME));
    await assert.rejects(other.director().change(put(OTHERS)), /shop\/prod Cluster edge/);
    await holds({ 80: [1] });
  });

  it("keeps what is declared over a restart: a table that stands is not touched, an empty one is filled", async () => {
    const { revision } = await declare(one, { 80: [1, 2], 81: [3] });
    await holds({ 80: [1, 2], 81: [3] });
    for (const happens of ["nothing", "reboot"]) {
      for (const site of place.sites) await site.stop();
      for (const { kernel } of place.sites) {
        kernel.edits.length = 0;
        if (happens === "reboot") kernel.set("");
      }
      for (const site of place.sites) await site.start();
      await holds({ 80: [1, 2], 81: [3] });
      for (const site of place.sites) {
        assert.equal((await at(site).read()).revision, revision);
        if (happens === "nothing") assert.deepEqual(site.kernel.edits, []);
      }
    }
  });

  for (const [point, isBegun] of CRASHES)
    it(`makes a change whole or not at all where the agent that was asked ends at this point: ${point}`, async () => {
      await declare(other, { 80: [1] });
      await holds({ 80: [1] });
      await one.stop();
      const weather = { diskFull: false, kernelRefuses: false, midway: undefined };
      const life = new Life(one.folder, weather, () => undefined);
      await one.start({ store: (store) => life.store(store), kernel: () => life.kernel(one.kernel) });
      await holds({ 80: [1] });
      const death = { point, happened: false };
      life.arm(death);
      await assert.rejects(declare(one, { 80: [1], 81: [2, 3] }), /killed/);
      assert.ok(death.happened);
      await one.kill();
      await one.start();
      await holds(isBegun || place.isAgreedFirst ? { 80: [1], 81: [2, 3] } : { 80: [1] });
      assert.equal(existsSync(join(one.folder, "agent", "journal.json")), false);
      // The same again ends in the same.
      await declare(one, { 80: [1], 81: [2, 3] });
      await holds({ 80: [1], 81: [2, 3] });
    });
}
