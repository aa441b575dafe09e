import assert from "node:assert/strict";
import { handlerFor } from "../../provider";
import type { Properties } from "../../provider/handler";
import { Site } from "./site";

const VS = "/proc/sys/net/ipv4/vs";

describe("a cluster's settings on real directors", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 2 });
  });
  after(() => site?.down());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await site.wipe();
    else await site.expectEmpty();
  });

  const handler = () => handlerFor("Cluster", site.fleet);
  const declare = (properties: Properties): Properties => {
    const directors = [...site.cluster.directors];
    const { inputs, problems } = handler().check({
      name: "test",
      label: "tests Cluster test",
      directors,
      ...properties,
    });
    assert.deepEqual(problems, []);
    return JSON.parse(JSON.stringify(inputs)) as Properties;
  };
  /** A cluster that was created; closing it proves that applying again writes nothing, and that it takes all back. */
  const create = async (properties: Properties) => {
    let inputs = declare(properties);
    const { id, outputs } = await handler().create(inputs);
    let state = outputs;
    const written = () =>
      Promise.all(
        site.directorNames.map((name) =>
          site.on(name, "sh", "-c", "stat -c %i%z /var/lib/heye/settings || :"),
        ),
      );
    return {
      id,
      state: () => state,
      update: async (changes: Properties) => {
        inputs = declare(changes);
        state = await handler().update(id, state, inputs);
      },
      refresh: async () => {
        const found = await handler().read(id, state);
        assert.ok(found);
        state = found.outputs;
        return found.outputs;
      },
      isChanged: () => handler().diff(state, inputs).changes,
      repair: async () => {
        state = await handler().update(id, state, inputs);
      },
      destroy: () => handler().delete(id, state),
      close: async () => {
        const before = await written();
        await handler().update(id, state, inputs);
        assert.deepEqual(await written(), before, "applying again wrote to a director");
        assert.equal(handler().diff(state, inputs).changes, false);
        await handler().delete(id, state);
      },
    };
  };
  const everywhere = (command: string) =>
    Promise.all(site.directorNames.map(async (name) => (await site.on(name, "sh", "-c", command)).trim()));
  const values = (...names: string[]) => everywhere(`cd ${VS} && cat ${names.join(" ")} | tr '\\n' ' '`);
  const timeouts = () => everywhere("ipvsadm -L --timeout");

  it("tells what each director is", async () => {
    const made = await create({});
    for (const node of Object.values(made.state().nodes as Record<string, Properties>)) {
      assert.match(String(node.kernel), /^\d+\.\d+/);
      assert.match(String(node.ipvsadm), /^ipvsadm v1\.\d+/);
      assert.match(String(node.architecture), /^(x86_64|aarch64)$/);
      assert.match(String(node.distribution), /\w/);
      assert.ok((node.schedulers as string[]).includes("mh"));
      assert.equal(node.clockSkewMs, 0);
    }
    assert.deepEqual(Object.keys(made.state().nodes as object), ["d1", "d2"]);
    await made.close();
  });

  it("are set, changed in place, and go back to what they were", async () => {
    const [before, beforeTimeouts] = [
      await values("sloppy_tcp", "conntrack", "conn_reuse_mode"),
      await timeouts(),
    ];
    const made = await create({
      settings: {
        sloppyTcp: true,
        conntrack: true,
        connReuseMode: 2,
        sysctls: { "net.ipv4.vs.drop_entry": "1" },
      },
      timeouts: { tcpS: 1200, udpS: 60 },
    });
    assert.deepEqual(
      await values("sloppy_tcp", "conntrack", "conn_reuse_mode", "drop_entry"),
      Array(2).fill("1 1 2 1"),
    );
    for (const text of await timeouts()) assert.match(text, /: 1200 \d+ 60$/);
    await made.update({ settings: { conntrack: false }, timeouts: { tcpS: 1000 } });
    assert.deepEqual(await values("sloppy_tcp", "conntrack", "drop_entry"), Array(2).fill("0 0 0"));
    for (const text of await timeouts()) assert.match(text, /: 1000 \d+ 300$/);
    await made.close();
    assert.deepEqual(await values("sloppy_tcp", "conntrack", "conn_reuse_mode"), before);
    assert.deepEqual(await timeouts(), beforeTimeouts);
  });

  it("forward packets in both families", async () => {
    const before = await everywhere(
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding",
    );
    const made = await create({ settings: { ipForward: true } });
    assert.deepEqual(
      await everywhere("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"),
      Array(2).fill("1\n1"),
    );
    await made.close();
    assert.deepEqual(
      await everywhere("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"),
      before,
    );
  });

  it("of two clusters are shared while they agree, and go back with the last one", async () => {
    const first = await create({ settings: { sloppyTcp: true } });
    const second = await create({ settings: { sloppyTcp: true, conntrack: true } });
    await first.close();
    assert.deepEqual(await values("sloppy_tcp", "conntrack"), Array(2).fill("1 1"));
    await second.close();
    assert.deepEqual(await values("sloppy_tcp"), Array(2).fill("0"));
  });

  it("of two clusters that differ are an error that names the other one, and nothing is changed", async () => {
    const first = await create({ settings: { connReuseMode: 2 } });
    await assert.rejects(
      handler().create(
        declare({ label: "others Cluster edge", settings: { connReuseMode: 0, sloppyTcp: true } }),
      ),
      (error: Error) => {
        assert.match(error.message, /2 of 2 directors failed/);
        assert.match(
          error.message,
          /director d2: net\.ipv4\.vs\.conn_reuse_mode is wanted as 0, but tests Cluster test has set it to 2.*HEYE_SETTING_CONFLICT/,
        );
        return true;
      },
    );
    assert.deepEqual(await values("conn_reuse_mode", "sloppy_tcp"), Array(2).fill("2 0"));
    await first.close();
  });

  it("that were changed by hand are drift on that director, and up repairs them", async () => {
    const made = await create({ settings: { sloppyTcp: true }, timeouts: { tcpS: 1000 } });
    assert.equal((await made.refresh()).drift, undefined);
    assert.equal(made.isChanged(), false);
    await site.on("d2", "sh", "-c", `echo 0 >${VS}/sloppy_tcp; ipvsadm --set 900 120 300`);
    assert.deepEqual((await made.refresh()).drift, {
      d2: ["net.ipv4.vs.sloppy_tcp is 0, expected 1", "ipvs timeout tcp is 900, expected 1000"],
    });
    assert.equal(made.isChanged(), true);
    await made.repair();
    assert.deepEqual(await values("sloppy_tcp"), Array(2).fill("1"));
    assert.equal((await made.refresh()).drift, undefined);
    await made.close();
  });

  it("that somebody else has changed meanwhile are left to him", async () => {
    const made = await create({ settings: { connReuseMode: 2 } });
    await site.on("d1", "sh", "-c", `echo 0 >${VS}/conn_reuse_mode`);
    await made.destroy();
    assert.deepEqual(await values("conn_reuse_mode"), ["0", "1"]);
    await site.on("d1", "sh", "-c", `echo 1 >${VS}/conn_reuse_mode`);
  });

  it("that a kernel does not have, or does not take, change nothing anywhere", async () => {
    const missing = { settings: { sloppyTcp: true, sysctls: { "net.ipv4.vs.no_such_thing": "1" } } };
    await assert.rejects(
      handler().create(declare(missing)),
      /its kernel has no net\.ipv4\.vs\.no_such_thing.*HEYE_SETTING_MISSING/,
    );
    const refused = { settings: { sloppyTcp: true, sysctls: { "net.ipv4.ip_forward": "nonsense" } } };
    await assert.rejects(
      handler().create(declare(refused)),
      /ip_forward is \d, expected nonsense[\s\S]*it said: .*HEYE_SETTING_NOT_APPLIED[\s\S]*Settings were put back/,
    );
    await assert.rejects(
      handler().create(declare({ settings: { modules: ["no_such_module"] } })),
      /no_such_module.*[\s\S]*HEYE_MODULE_MISSING/,
    );
    assert.deepEqual(await values("sloppy_tcp"), Array(2).fill("0"));
  });

  it("refuse to share a director with kube-proxy in IPVS mode, unless told to", async () => {
    await site.on("d2", "ip", "link", "add", "kube-ipvs0", "type", "dummy");
    try {
      await assert.rejects(
        handler().create(declare({})),
        /1 of 2 directors failed:\n {2}director d2: kube-proxy manages IPVS there too \(interface kube-ipvs0\).*HEYE_COEXISTENCE/,
      );
      await (await create({ coexist: ["kube-proxy"] })).close();
    } finally {
      await site.on("d2", "ip", "link", "del", "kube-ipvs0");
    }
  });
});
