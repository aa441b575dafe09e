import assert from "node:assert/strict";
import { UNKNOWN } from "../../provider";
import { providerStub } from "../../sdk/stub";
import { ProviderProcess, type Refusal } from "./process";

const CLUSTER = {
  id: "edge-1",
  label: "shop/prod Cluster edge",
  directors: [
    {
      name: "lb1",
      connection: {
        host: "127.0.0.1",
        port: 1,
        privateKey: "planted-key",
        hostKey: "SHA256:x",
        dialErrorLimit: 1,
      },
    },
  ],
};
const WEB = {
  name: "web",
  cluster: CLUSTER,
  address: "192.0.2.10",
  port: 80,
  realServers: [{ address: "10.0.0.2" }, { address: "10.0.0.1" }],
};
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHJkFCMYAKBkYfXWTbRYIsFfaGPtj5jnIXMKbhvlCRNN";

describe("the provider process over gRPC", () => {
  let provider: ProviderProcess;
  before(async () => {
    provider = await ProviderProcess.start();
  });
  after(() => provider?.stop());

  // pulumi#13329: what a provider's code had captured lay in the state, secrets among it.
  it("is reached by a constant text of 70-odd bytes without a path of any machine", () => {
    assert.equal(
      providerStub("VirtualServer"),
      'exports.handler=()=>require("pulumi-heye/provider").provider("VirtualServer")',
    );
  });

  it("ends when its engine is killed, instead of changing directors for nobody", async () => {
    const below = await ProviderProcess.startBelow();
    await below.check("VirtualServer", WEB);
    // Resolves when the provider itself has gone, too: it shares the output.
    await below.kill();
  });

  describe("check", () => {
    it("gives the normal form", async () => {
      const { inputs, failures } = await provider.check("VirtualServer", WEB);
      assert.deepEqual(failures, []);
      assert.deepEqual(inputs.realServers, [
        { address: "10.0.0.1", port: 80, weight: 1, forwarding: "nat", drainMs: 30_000 },
        { address: "10.0.0.2", port: 80, weight: 1, forwarding: "nat", drainMs: 30_000 },
      ]);
      assert.equal(inputs.scheduler, "wlc");
      const again = await provider.check("VirtualServer", inputs);
      assert.deepEqual(again.inputs, inputs);
    });

    it("names every problem at once, with property paths", async () => {
      const { failures } = await provider.check("VirtualServer", {
        ...WEB,
        scheduler: "best",
        port: 0,
        realServers: [
          { address: "10.0.0.1", weight: 70_000 },
          { address: "10.0.0.2", port: 81, forwarding: "tun" },
        ],
      });
      assert.deepEqual(
        failures.map(({ reason }) => reason.split(": ", 1)[0]),
        ["scheduler", "realServers[0].weight", "port", "realServers[1].port"],
      );
    });

    it("lets what is not known yet pass", async () => {
      const { inputs, failures } = await provider.check("VirtualServer", {
        ...WEB,
        cluster: UNKNOWN,
        address: UNKNOWN,
      });
      assert.deepEqual(failures, []);
      assert.equal(inputs.address, UNKNOWN);
      const real = await provider.check("RealServer", {
        name: "a",
        cluster: UNKNOWN,
        virtualServer: UNKNOWN,
        address: UNKNOWN,
        healthCheck: UNKNOWN,
      });
      assert.deepEqual(real.failures, []);
    });

    it("refuses a RealServer in a pool that lists its servers", async () => {
      const virtualServer = { protocol: "tcp", address: "192.0.2.10", port: 80, pool: "inline" };
      const { failures } = await provider.check("RealServer", {
        name: "a",
        cluster: CLUSTER,
        virtualServer,
        address: "10.0.0.1",
      });
      assert.deepEqual(
        failures.map(({ reason }) => reason.split(": ", 1)[0]),
        ["virtualServer"],
      );
    });

    it("keeps credentials apart, and still says where one is missing", async () => {
      const directors = [{ name: "lb1", connection: { host: "10.1.1.2", hostKey: HOST_KEY } }];
      const good = await provider.check("Cluster", {
        name: "edge",
        label: "l",
        directors,
        credentials: { directors: [{ privateKey: "planted-key" }] },
      });
      assert.deepEqual(good.failures, []);
      assert.doesNotMatch(JSON.stringify(good.inputs.directors), /planted-key/);
      const bad = await provider.check("Cluster", {
        name: "edge",
        label: "l",
        directors,
        credentials: { directors: [{}] },
      });
      assert.deepEqual(
        bad.failures.map(({ reason }) => reason.split(": ", 1)[0]),
        ["directors[0].connection"],
      );
    });

    it("says when servers are let in unchecked", async () => {
      await provider.check("VirtualServer", { ...WEB, name: "dns", protocol: "udp" });
      assert.match(
        provider.output,
        /warning: VirtualServer dns: servers are let in unchecked \(udp has no handshake to check\)/,
      );
    });
  });

  describe("diff", () => {
    const normal = async (overrides: object = {}) =>
      (await provider.check("VirtualServer", { ...WEB, ...overrides })).inputs;

    it("sees no change in order and spelling", async () => {
      const [olds, news] = [await normal(), await normal({ realServers: [...WEB.realServers].reverse() })];
      assert.deepEqual(
        await provider.diff("VirtualServer", "x", { ...olds, key: "k", schemaVersion: 1 }, news),
        { changes: "none", replaces: [] },
      );
    });

    const cases: [string, object, string[]][] = [
      ["a weight updates", { realServers: [{ address: "10.0.0.1", weight: 9 }] }, []],
      ["a scheduler updates", { scheduler: "mh" }, []],
      ["a health check updates", { healthCheck: { type: "http" } }, []],
      ["a changed login updates", { cluster: { ...CLUSTER, connection: { user: "ops" } } }, []],
      ["an address replaces", { address: "192.0.2.11" }, ["address"]],
      ["a port replaces", { port: 81 }, ["port"]],
      ["a protocol replaces", { protocol: "udp" }, ["protocol"]],
      ["an address not known yet replaces", { address: UNKNOWN }, ["address"]],
      ["another cluster replaces", { cluster: { ...CLUSTER, id: "edge-2" } }, ["cluster"]],
    ];
    for (const [what, overrides, replaces] of cases) {
      it(what, async () => {
        const result = await provider.diff("VirtualServer", "x", await normal(), await normal(overrides));
        assert.deepEqual(result, { changes: "some", replaces });
      });
    }

    it("a renamed resource is no change", async () => {
      assert.equal(
        (await provider.diff("VirtualServer", "x", await normal(), await normal({ name: "other" }))).changes,
        "none",
      );
    });

    it("drift that a refresh found is a change", async () => {
      const olds = { ...(await normal()), drift: { lb1: ["virtual server tcp 192.0.2.10:80 is missing"] } };
      assert.equal((await provider.diff("VirtualServer", "x", olds, await normal())).changes, "some");
    });

    it("the order of directors means nothing, a login does", async () => {
      const two = ["b", "a"].map((name) => ({ name, connection: { host: name, hostKey: HOST_KEY } }));
      const cluster = async (directors: object[], keys: string[]) =>
        (
          await provider.check("Cluster", {
            name: "edge",
            label: "l",
            directors,
            credentials: { directors: keys.map((privateKey) => ({ privateKey })) },
          })
        ).inputs;
      const olds = await cluster(two, ["kb", "ka"]);
      assert.equal(
        (await provider.diff("Cluster", "x", olds, await cluster([...two].reverse(), ["ka", "kb"]))).changes,
        "none",
      );
      assert.equal(
        (await provider.diff("Cluster", "x", olds, await cluster(two, ["ka", "kb"]))).changes,
        "some",
      );
    });
  });

  describe("a director that cannot be used", () => {
    it("is named, with what to do, and no secret is repeated", async () => {
      const { inputs } = await provider.check("VirtualServer", WEB);
      const refusal = (await provider
        .create("VirtualServer", inputs)
        .catch((error: Refusal) => error)) as Refusal;
      assert.match(refusal.message, /1 of 1 directors failed:\n {2}director lb1: /);
      assert.match(refusal.message, /Nothing was changed on any director/);
      assert.equal(refusal.initialisation, undefined);
      assert.doesNotMatch(refusal.message + provider.output, /planted-key|\.[jt]s:\d/);
    });

    it("is told of with 253 others in a message that the engine's connection carries", async () => {
      const directors = Array.from({ length: 254 }, (_, at) => ({
        name: `a-director-with-a-long-name-${at}`,
        connection: { ...CLUSTER.directors[0]?.connection, host: `127.0.1.${at}` },
      }));
      const { inputs } = await provider.check("VirtualServer", {
        ...WEB,
        cluster: { ...CLUSTER, directors },
      });
      const refusal = (await provider
        .create("VirtualServer", inputs)
        .catch((error: Refusal) => error)) as Refusal;
      assert.match(
        refusal.message,
        /254 of 254 directors failed:\n {2}director a-director-with-a-long-name-0: /,
      );
      assert.match(refusal.message, /and \d+ more lines\n[\s\S]*Nothing was changed on any director/);
      assert.match(provider.output, /director a-director-with-a-long-name-253: /);
    });

    it("fails a delete as well: what may still be there is not forgotten", async () => {
      const { inputs } = await provider.check("VirtualServer", WEB);
      const refusal = (await provider
        .delete("VirtualServer", "x", inputs)
        .catch((error: Refusal) => error)) as Refusal;
      assert.match(refusal.message, /director lb1/);
    });
  });
});
