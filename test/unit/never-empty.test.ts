import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Change } from "../../director";
import type { Fleet } from "../../provider/fleet";
import type { Properties, ResourceHandler } from "../../provider/handler";
import { realServerHandler } from "../../provider/real-server";
import { virtualServerHandler } from "../../provider/virtual-server";
import { FakeDirector } from "./fake-director";

/** Who fills the pool, and with which servers; those of `separate` by their resource's name. */
type Program =
  | { readonly inline: readonly string[] }
  | { readonly separate: Readonly<Record<string, string>> };

const CLUSTER = { id: "me-1", label: "shop/prod Cluster edge", directors: [] };
const IDENTITY = { protocol: "tcp", address: "192.0.2.1", port: 80 };
const NONE = { type: "none" };
const server = (address: string) => ({ address, port: 80, weight: 1, forwarding: "nat", drainMs: 0 });

/** The resources of a program in the order in which the engine makes them. */
function resourcesOf(program: Program, scheduler: string): Map<string, Properties> {
  const inline = "inline" in program ? program.inline : undefined;
  const web = { name: "web", cluster: CLUSTER, ...IDENTITY, scheduler, healthCheck: NONE };
  const servers = "separate" in program ? Object.entries(program.separate) : [];
  return new Map<string, Properties>([
    ["web", { ...web, ...(inline && { realServers: inline.map(server) }) }],
    ...servers.map(([name, address]): [string, Properties] => {
      const virtualServer = { ...IDENTITY, pool: "separate" };
      return [name, { name, cluster: CLUSTER, ...server(address), healthCheck: NONE, virtualServer }];
    }),
  ]);
}

/** A director that remembers which changes left its virtual server without a server, though it had one. */
class Watched extends FakeDirector {
  readonly emptied: string[] = [];

  override async change(change: Change) {
    const before = this.text;
    const applied = await super.change(change);
    if (isServing(before) && !isServing(this.text)) this.emptied.push(`${before} became ${this.text}`);
    return applied;
  }
}

function isServing(text: string): boolean {
  return / -w [1-9]/.test(text);
}

/** Where an engine dies: after so many operations, of which the last has reached the state or has not. */
interface Kill {
  readonly after: number;
  readonly saved: boolean;
}

/** What the engine does of a program, and what it keeps in the state: operations in order, and any of them the last. */
class Engine {
  readonly director = new Watched("d1");
  readonly #state = new Map<string, { readonly id: string; readonly outputs: Properties }>();
  readonly #virtualServers: ResourceHandler;
  readonly #realServers: ResourceHandler;

  constructor() {
    const fleet = { of: () => [this.director], briefly: () => [] } as unknown as Fleet;
    this.#virtualServers = virtualServerHandler(fleet);
    this.#realServers = realServerHandler(fleet);
  }

  async up(program: Program, scheduler: string, kill?: Kill): Promise<void> {
    const wanted = resourcesOf(program, scheduler);
    let operations = 0;
    const isLast = () => ++operations === kill?.after;
    for (const [name, inputs] of wanted) {
      const done = await this.#put(name, inputs);
      if (!done) continue;
      const dies = isLast();
      if (!dies || kill?.saved) this.#state.set(name, done);
      if (dies) return;
    }
    const gone = [...this.#state].filter(([name]) => !wanted.has(name)).reverse();
    for (const [name, { id, outputs }] of gone) {
      await this.#handler(name).delete(id, outputs);
      const dies = isLast();
      if (!dies || kill?.saved) this.#state.delete(name);
      if (dies) return;
    }
  }

  async refresh(): Promise<void> {
    for (const [name, { id, outputs }] of [...this.#state]) {
      const read = await this.#handler(name).read(id, outputs);
      if (read) this.#state.set(name, { id, outputs: read.outputs });
      else this.#state.delete(name);
    }
  }

  get servers(): string[] {
    return this.director.table
      .flatMap(({ destinations }) => destinations.map(({ address }) => address))
      .sort();
  }

  async #put(name: string, inputs: Properties) {
    const known = this.#state.get(name);
    const handler = this.#handler(name);
    if (!known) return handler.create(inputs);
    if (!handler.diff(known.outputs, inputs).changes) return undefined;
    return { id: known.id, outputs: await handler.update(known.id, known.outputs, inputs) };
  }

  #handler(name: string): ResourceHandler {
    return name === "web" ? this.#virtualServers : this.#realServers;
  }
}

const INLINE = { inline: ["10.0.0.1", "10.0.0.2"] };
const SEPARATE = { separate: { a: "10.0.0.1", b: "10.0.0.2" } };
const kills: readonly Kill[] = [1, 2, 3].flatMap((after) => [
  { after, saved: true },
  { after, saved: false },
]);

describe("a pool that turns", () => {
  for (const [what, from, to] of [
    ["from a list into resources", INLINE, SEPARATE],
    ["from resources into a list", SEPARATE, INLINE],
  ] as const) {
    for (const kill of kills)
      it(`${what} keeps all its servers, killed after operation ${kill.after}, ${kill.saved ? "" : "not "}saved`, async () => {
        const engine = new Engine();
        await engine.up(from, "rr");
        await engine.up(to, "rr", kill);
        assert.deepEqual(engine.servers, INLINE.inline);
        await engine.up(to, "rr", { after: 1, saved: false });
        assert.deepEqual(engine.servers, INLINE.inline);
        await engine.up(to, "rr");
        assert.deepEqual(engine.servers, INLINE.inline);
        assert.deepEqual(engine.director.emptied, []);
      });
  }

  for (const refreshes of [true, false])
    it(`keeps its servers when none was claimed yet and it is ${refreshes ? "refreshed" : "changed"} then`, async () => {
      const engine = new Engine();
      await engine.up(INLINE, "rr");
      await engine.up(SEPARATE, "rr", { after: 1, saved: true });
      if (refreshes) await engine.refresh();
      await engine.up(SEPARATE, refreshes ? "rr" : "wlc", { after: 1, saved: true });
      assert.deepEqual(engine.servers, INLINE.inline);
      await engine.up(SEPARATE, "wlc");
      assert.deepEqual(engine.servers, INLINE.inline);
    });

  it("is its resources' again when a killed turn into a list is refreshed and taken back", async () => {
    const engine = new Engine();
    await engine.up(SEPARATE, "rr");
    await engine.up(INLINE, "rr", { after: 1, saved: false });
    await engine.refresh();
    await engine.up(SEPARATE, "rr");
    await engine.up(SEPARATE, "wlc");
    assert.deepEqual(engine.servers, INLINE.inline);
    await engine.up({ separate: { b: "10.0.0.2" } }, "wlc");
    assert.deepEqual(engine.servers, ["10.0.0.2"]);
  });

  it("lets those go that no resource claims, once others serve", async () => {
    const engine = new Engine();
    await engine.up(INLINE, "rr");
    await engine.up({ separate: { a: "10.0.0.1" } }, "rr");
    assert.deepEqual(engine.servers, INLINE.inline);
    await engine.up({ separate: { a: "10.0.0.1" } }, "wlc");
    assert.deepEqual(engine.servers, ["10.0.0.1"]);
  });
});

const HOSTS = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const program: fc.Arbitrary<Program> = fc.oneof(
  fc.subarray(HOSTS, { minLength: 1 }).map((inline) => ({ inline })),
  fc.subarray(HOSTS, { minLength: 1 }).map((hosts) => ({
    separate: Object.fromEntries(hosts.map((host) => [`server-${host}`, host])),
  })),
);
const runs = fc.array(
  fc.record({
    program,
    scheduler: fc.constantFrom("rr", "wlc"),
    kill: fc.option(fc.record({ after: fc.integer({ min: 1, max: 5 }), saved: fc.boolean() }), {
      nil: undefined,
    }),
    refreshes: fc.boolean(),
  }),
  { minLength: 2, maxLength: 6 },
);

describe("a virtual server whose programs all have servers", () => {
  it("is never left without one, when a killed run is repeated or refreshed before the next program", async () => {
    await fc.assert(
      fc.asyncProperty(runs, async (list) => {
        const engine = new Engine();
        for (const { program, scheduler, kill, refreshes } of list) {
          await engine.up(program, scheduler, kill);
          if (refreshes) await engine.refresh();
          else if (kill) await engine.up(program, scheduler);
          assert.deepEqual(engine.director.emptied, []);
        }
        const last = list.at(-1)?.program ?? INLINE;
        await engine.up(last, "rr");
        const declared = "inline" in last ? last.inline : Object.values(last.separate);
        for (const address of declared) assert.ok(engine.servers.includes(address), address);
        assert.deepEqual(engine.director.emptied, []);
      }),
      { numRuns: 500 },
    );
  });
});
