import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { routes as routesOf } from "../../agent/api";
import { History } from "../../agent/api/history";
import { ApiProblem, asProblem } from "../../agent/api/problem";
import type { AnsweredEdit, Api, Call } from "../../agent/api/route";
import { Router } from "../../agent/api/router";
import { type Edit, Writer } from "../../agent/api/writer";
import { AgreedError } from "../../agent/plane/agreed-error";
import { agree } from "../../agent/plane/agreement";
import { HeldBackError, heldBackOf } from "../../agent/plane/held-back";
import { PlaneDownError, type Proposed, type Shared } from "../../agent/plane/plane";
import { digestOf, steps } from "../../agent/plane/registry-text";
import type { Store } from "../../agent/store";
import { parseRegistry, renderRegistry } from "../../director/data";
import { registryOf } from "../etcd/registries";
import { virtualServer } from "./agent-site";
import { type Half, KEY, Pair, registryWith, server } from "./plane-pair";

/** A request that says nothing but what it is. */
const CALL: Call = {
  ...{ params: {}, query: {}, headers: {}, body: undefined, preconditions: {}, client: undefined },
  signal: new AbortController().signal,
};

describe("directors that agree", () => {
  let pair: Pair;
  afterEach(() => pair.down());

  it("weigh a change against what is newest when they were cut off", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    await one.declare(registryWith([server(1), server(2)]));
    await other.member.look();
    one.isCutOff = true;
    await one.member.look();
    await other.declare(registryWith([server(1, { weight: 0 }), server(2)]));
    one.isCutOff = false;
    const { outcome } = await one.declare(registryWith([server(1), server(2), server(3)]));
    assert.equal(outcome, "changed");
    assert.deepEqual(await pair.agreed(), ["10.0.0.1 0", "10.0.0.2 1"]);
  });

  it("tell what others have made when they have just started, and what they have where they are cut off", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    await one.declare(registryWith([server(1)]));
    assert.equal(other.member.standing.state, "joining");
    assert.deepEqual((await other.declarations.read()).registry, registryWith([server(1)]));
    one.isCutOff = true;
    await one.member.look();
    await other.declare(registryWith([server(2)]));
    assert.deepEqual((await one.declarations.read()).registry, registryWith([server(1)]));
  });

  it("let one owner alone have a virtual server that two declare at the same time", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    const [stack] = Object.values(registryWith([server(1)]).owners);
    assert.ok(stack);
    const at = (port: number) => ({ [`tcp 192.0.2.1:${port}`]: virtualServer([], { port }) });
    const both = {
      api: { label: "the REST API", virtualServers: at(81) },
      "me-1": { ...stack, virtualServers: at(82) },
    };
    const scope = new Set([KEY, "tcp 192.0.2.1:81", "tcp 192.0.2.1:82"]);
    await one.declarations.declare(await one.declarations.read(), { owners: both }, scope);
    await other.member.look();
    const having = (id: "api" | "me-1") => ({
      owners: {
        ...both,
        [id]: { ...both[id], virtualServers: { ...both[id].virtualServers, ...stack.virtualServers } },
      },
    });
    const before = await other.declarations.read();
    await one.declare(having("me-1"));
    assert.equal((await other.declare(having("api"), before)).outcome, "changed");
    await other.member.look();
    assert.deepEqual(other.site.keeper.view.pools.registry, having("me-1"));
  });

  it("make nothing on condition of a revision where others have changed something else meanwhile", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    await one.declare(registryWith([server(1)]));
    await other.member.look();
    const add = (port: number) => ({
      method: "POST",
      path: "/v1/virtual-servers",
      body: { address: "192.0.2.2", port, realServers: [] },
    });
    const write = async (half: Half, asked: (ifMatch: string) => AnsweredEdit[]) => {
      const { declarations } = half;
      const { revision } = await declarations.read();
      const writer = new Writer(declarations, { ask: async () => undefined }, half.site.name);
      return writer.write(asked(`"${revision}"`), new AbortController().signal);
    };
    const api = { history: new History() } as Api;
    const routes = routesOf("test", () => new Router(routes));
    const transact = (ifMatch: string | undefined, ...edits: object[]) => {
      const route = routes.find(({ kind }) => kind === "transaction");
      assert.ok(route?.kind === "transaction");
      return [...route.edits(api, { ...CALL, body: { edits }, preconditions: { ifMatch } })];
    };
    const create = (ifMatch: string, { body }: ReturnType<typeof add>) => {
      const route = routes.find(({ operation }) => operation.id === "createVirtualServer");
      assert.ok(route?.kind === "write");
      return [route.edit(api, { ...CALL, body, preconditions: { ifMatch } })];
    };
    const isRefused = ({ status, parts }: ApiProblem) =>
      status === 412 && parts.code === "HEYE_OTHER_VERSION";
    await write(one, () => transact(undefined, add(80)));
    await other.member.look();
    other.meanwhile = () => write(one, () => transact(undefined, add(81)));
    await assert.rejects(
      write(other, (ifMatch) => transact(ifMatch, add(82))),
      isRefused,
    );
    other.meanwhile = () => write(one, () => transact(undefined, add(83)));
    await assert.rejects(
      write(other, (ifMatch) => create(ifMatch, add(84))),
      isRefused,
    );
    other.meanwhile = () => write(one, () => transact(undefined, add(85)));
    await write(other, () => transact(undefined, add(86)));
    const { virtualServers } = other.site.keeper.view.pools.registry.owners.api ?? {};
    const ports = Object.values(virtualServers ?? {}).map(({ port }) => port);
    assert.deepEqual(ports, [80, 81, 83, 85, 86], "without a condition both are made");
  });

  it("say of nothing that it is not there, or stands so already, while they are cut off", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    await one.declare(registryWith([server(1)]));
    await other.member.look();
    const writer = new Writer(other.declarations, { ask: async () => undefined }, other.site.name);
    const write = (apply: Edit["apply"]) => writer.write([{ key: KEY, apply }], new AbortController().signal);
    const removeSecond: Edit["apply"] = ({ registry }) => {
      const isThere = renderRegistry(registry).includes("10.0.0.2");
      if (!isThere) throw new ApiProblem(404, "not found", "10.0.0.2");
      return registryWith([server(1)]);
    };
    const stays: Edit["apply"] = ({ registry }) => registry;
    await assert.rejects(write(removeSecond), { status: 404 });
    await write(stays);
    other.isCutOff = true;
    await one.declare(registryWith([server(1), server(2)]));
    assert.equal(other.member.standing.state, "following", "nothing has told it yet that it is cut off");
    await assert.rejects(write(removeSecond), PlaneDownError);
    await assert.rejects(write(stays), PlaneDownError);
    other.isCutOff = false;
    await write(removeSecond);
    assert.deepEqual(await pair.agreed(), ["10.0.0.1 1"]);
  });

  it("look once for all who ask while etcd hangs", async () => {
    pair = await Pair.up();
    const { plane, one } = pair;
    await one.declare(registryWith([server(1)]));
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    const newest = plane.newest.bind(plane);
    let looks = 0;
    plane.newest = async (known) => {
      looks++;
      await hanging;
      return newest(known);
    };
    const first = one.member.look();
    await delay(0);
    const others = Array.from({ length: 50 }, () => one.member.look());
    release();
    await Promise.all([first, ...others]);
    assert.equal(looks, 2, "the one that had begun, and one that has begun since they asked");
  });

  it("refuse a change where entries of nobody keep them from holding what it touches", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    await one.declare(registryWith([server(1)], "separate"));
    await other.member.look();
    other.intrude(9);
    await one.declare(registryWith([server(1), server(9)], "separate"));
    await other.member.look();
    const heavier = registryWith([server(1, { weight: 5 })], "separate");
    const refused = await other.declare(heavier).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(refused instanceof HeldBackError);
    assert.match(refused.message, /10\.0\.0\.9:80 of tcp 192\.0\.2\.1:80 stand here already/);
    const { status, message } = asProblem(refused);
    assert.match(`${status} ${message}`, /^409 nothing was changed/);
    assert.deepEqual(await pair.agreed(), ["10.0.0.1 1", "10.0.0.9 1"]);
    // The very same as is shared takes the entry over.
    await other.declare(registryWith([server(1), server(9)], "separate"));
    await other.member.look();
    assert.deepEqual(other.member.standing.conflicts, []);
  });

  it("end no drain for all where they hold less than all", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    const over = server(2, { draining: true, leaving: true, drainMs: 1 });
    await one.declare(registryWith([server(1), server(2)], "separate"));
    await other.member.look();
    other.intrude(9);
    await one.declare(registryWith([server(1), over, server(9)], "separate"));
    await other.member.look();
    other.site.keeper.overdue();
    await delay(20);
    assert.equal(other.site.keeper.overdue().length, 1);
    await other.member.endDrains();
    assert.ok((await pair.agreed()).includes("10.0.0.9 1"));
  });

  it("leave an entry of nobody where a pool turns to one that lists its servers", async () => {
    pair = await Pair.up();
    const { one, other } = pair;
    await one.declare(registryWith([server(1)], "separate"));
    await other.member.look();
    other.intrude(9);
    await one.declare(registryWith([server(1), server(2)]));
    await other.member.look();
    assert.ok(other.site.kernel.lines.some((line) => line.includes("10.0.0.9")));
    assert.match(other.member.standing.conflicts.join(), /stays as it was: it holds real servers/);
  });

  it("say that a change is agreed on where they cannot make it", async () => {
    let isFull = false;
    const full = (store: Store): Store => ({
      load: () => store.load(),
      begin: async (journal) => {
        if (isFull) throw new Error("no space left");
        await store.begin(journal);
      },
      commit: (text) => store.commit(text),
      saveHealth: (record) => store.saveHealth(record),
    });
    pair = await Pair.up(full);
    const { one, other } = pair;
    await one.declare(registryWith([server(1)]));
    isFull = true;
    const failed = await one.declare(registryWith([server(1), server(2)])).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(failed instanceof AgreedError);
    assert.match(failed.message, /^revision 2 is agreed on, and is not made here yet: no space left/);
    assert.equal(asProblem(failed).status, 500);
    await one.member.look();
    const refused = await one.declare(registryWith([server(1), server(3)])).catch((error: unknown) => error);
    const { status, message } = asProblem(refused);
    assert.equal(status, 503);
    assert.match(message, /cannot be made here: .*no space left/);
    assert.doesNotMatch(message, /store restore/, "what is shared is not in doubt");
    await other.member.look();
    assert.ok(other.site.kernel.lines.some((line) => line.includes("10.0.0.2")));
    isFull = false;
    await one.member.look();
    assert.ok(one.site.kernel.lines.some((line) => line.includes("10.0.0.2")));
  });

  it("share a restored registry as their files have it", async () => {
    pair = await Pair.up();
    const { one } = pair;
    const [header = "", owner = "", ...services] = registryOf(3).trimEnd().split("\n");
    const shuffled = [header, owner, ...services.reverse(), ""].join("\n");
    assert.notEqual(shuffled, registryOf(3));
    assert.ok(parseRegistry(shuffled));
    const { digest } = await one.member.restore(shuffled, 0);
    assert.equal(digest, digestOf(one.site.keeper.view.text));
  });
});

describe("a change that others are always before", () => {
  it("may be tried again, and leaves what is shared in no doubt", async () => {
    let changes = 1;
    const shared = (): Shared => {
      const text = registryOf(++changes);
      return { history: "h", revision: changes, text, digest: digestOf(text) };
    };
    const propose = async (): Promise<Proposed> => ({
      ...{ outcome: "overtaken", newest: { shared: shared(), leaves: [], isSuccessor: true } },
    });
    const base = shared();
    const ground = { base, applied: base, text: () => base.text };
    const delta = [
      steps("", renderRegistry(registryWith([server(1)]))).find((one) => one.startsWith("+service")),
    ];
    const { outcome } = await agree({ propose }, ground, { delta: [delta[0] ?? ""], leaves: [] });
    assert.equal(outcome, "other");
  });
});

describe("a change of what a director does not wholly hold", () => {
  const text = (hosts: readonly number[]) =>
    renderRegistry(
      registryWith(
        hosts.map((host) => server(host)),
        "separate",
      ),
    );
  const [own, shared] = [text([1]), text([1, 9])];

  it("is held back where it touches that, and is not so already", () => {
    assert.equal(heldBackOf(steps(own, text([1, 2])), own, shared).length, 1);
    assert.deepEqual(heldBackOf(steps(own, shared), own, shared), []);
    assert.deepEqual(heldBackOf(steps(own, text([1, 2])), own, own), []);
    assert.deepEqual(heldBackOf(steps(own, ""), own, "").length, 0, "it is gone there");
  });
});
