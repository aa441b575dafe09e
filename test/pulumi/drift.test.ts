import assert from "node:assert/strict";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { Cluster, type ClusterArgs, RealServer, VirtualServer, type VirtualServerArgs } from "../../sdk";
import { Site } from "../lab/site";
import { recording } from "../lab/stand-in";
import { edgeOf, outputsOf, QUICK, sorted, succeeded } from "./edge";
import { type Outcome, type State, TestStack } from "./stack";

const ADDRESS = "192.0.2.10";

/** One thing changed by hand on one director, and all that may be done about it. */
interface Kind {
  readonly what: string;
  readonly director: string;
  readonly by: (service: string) => readonly string[];
  /** What `refresh` says of the virtual server on that director. */
  readonly said: RegExp;
  /** What `up` writes there, with the words of `ipvsadm --restore`. */
  readonly repaired: (service: string) => readonly string[];
}

describe("drift", () => {
  let site: Site;
  let stack: TestStack;
  let tables: string[];
  before(async () => {
    site = await Site.up({ directors: 3, servers: 4, database: false });
    stack = await TestStack.create("dev");
    succeeded(await stack.up(program()));
    tables = await site.tables();
  });
  after(async () => {
    await stack?.destroy();
    await stack?.remove();
    await site?.down();
  });

  const rs = (name: string, port: number) => `${site.address(name)}:${port}`;
  const kinds: readonly Kind[] = [
    {
      what: "missing virtual server",
      director: "d1",
      by: (service) => ["-D", "-t", service],
      said: /is missing/,
      repaired: (service) => [
        `-A -t ${service} -s mh -p 600 -b mh-fallback`,
        ...["rs1", "rs2"].map((name) => `-a -t ${service} -r ${rs(name, portOf(service))} -m -w 2`),
      ],
    },
    {
      what: "missing server",
      director: "d2",
      by: (service) => ["-d", "-t", service, "-r", rs("rs1", portOf(service))],
      said: /lacks: -a .* -w 2/,
      repaired: (service) => [`-a -t ${service} -r ${rs("rs1", portOf(service))} -m -w 2`],
    },
    {
      what: "changed weight",
      director: "d3",
      by: (service) => ["-e", "-t", service, "-r", rs("rs2", portOf(service)), "-m", "-w", "77"],
      said: /lacks: -e .* -w 2/,
      repaired: (service) => [`-e -t ${service} -r ${rs("rs2", portOf(service))} -m -w 2`],
    },
    {
      what: "changed scheduler",
      director: "d1",
      by: (service) => ["-E", "-t", service, "-s", "wrr", "-p", "600"],
      said: /lacks: -E .* -s mh/,
      repaired: (service) => [`-E -t ${service} -s mh -p 600 -b mh-fallback`],
    },
    {
      what: "changed scheduler flags",
      director: "d2",
      by: (service) => ["-E", "-t", service, "-s", "mh", "-b", "mh-port", "-p", "600"],
      said: /lacks: -E .* -b mh-fallback/,
      repaired: (service) => [`-E -t ${service} -s mh -p 600 -b mh-fallback`],
    },
    {
      what: "changed persistence",
      director: "d3",
      by: (service) => ["-E", "-t", service, "-s", "mh", "-b", "mh-fallback", "-p", "60"],
      said: /lacks: -E .* -p 600/,
      repaired: (service) => [`-E -t ${service} -s mh -p 600 -b mh-fallback`],
    },
    // terraform-provider-bigip#1116: a member that was disabled by hand was no difference to a refresh.
    {
      what: "disabled server",
      director: "d2",
      by: (service) => ["-e", "-t", service, "-r", rs("rs2", portOf(service)), "-m", "-w", "0"],
      said: /lacks: -e .* -w 2/,
      repaired: (service) => [`-e -t ${service} -r ${rs("rs2", portOf(service))} -m -w 2`],
    },
    {
      what: "extra server in an inline pool",
      director: "d1",
      by: (service) => ["-a", "-t", service, "-r", "10.20.9.9:1", "-m", "-w", "1"],
      said: /10\.20\.9\.9:1/,
      repaired: (service) => [`-d -t ${service} -r 10.20.9.9:1`],
    },
  ];
  const nameOf = (kind: Kind) => kind.what.replaceAll(" ", "-");
  const serviceOf = (kind: Kind) => `${ADDRESS}:${7000 + kinds.indexOf(kind)}`;
  const portOf = (service: string) => Number(service.split(":")[1]);

  /** A virtual server for each kind of drift, and one whose pool is made of separate resources. */
  const program =
    (cluster: Partial<ClusterArgs> = {}, weight = 2): PulumiFn =>
    async () => {
      const edge = new Cluster("edge", { ...edgeOf(site), ...cluster });
      for (const kind of kinds) {
        new VirtualServer(nameOf(kind), {
          cluster: edge,
          address: ADDRESS,
          port: portOf(serviceOf(kind)),
          scheduler: "mh",
          schedulerFlags: ["mh-fallback"],
          persistence: { timeoutS: 600 },
          // Only the first two ports are served by the lab; drift is what matters here.
          healthCheck: { type: "tcp", port: 7000, ...QUICK },
          realServers: ["rs1", "rs2"].map((name) => ({ address: site.address(name), weight, drainMs: 0 })),
        } satisfies VirtualServerArgs);
      }
      const echo = new VirtualServer("echo", {
        cluster: edge,
        address: ADDRESS,
        port: 80,
        scheduler: "wrr",
        healthCheck: { type: "tcp", ...QUICK },
      });
      for (const name of ["rs3", "rs4"])
        new RealServer(`echo-${name}`, {
          virtualServer: echo,
          address: site.address(name),
          weight: 3,
          drainMs: 0,
        });
    };

  /** What a refresh found, and what an up without one then did about it. */
  const repair = async (): Promise<{ state: State; written: Record<string, string[]> }> => {
    succeeded(await stack.refresh());
    const state = await stack.state();
    const written = await recording(site, site.directorNames, async () => {
      succeeded(await stack.up(program()));
    });
    return { state, written };
  };
  const driftOf = (state: State, name: string) =>
    (outputsOf(state, name).drift ?? {}) as Record<string, string[]>;
  const expectRepaired = async () => assert.deepEqual((await site.tables()).map(sorted), tables.map(sorted));

  describe("by hand, one kind on each virtual server", () => {
    let found: Awaited<ReturnType<typeof repair>>;
    before(async () => {
      for (const kind of kinds) await site.on(kind.director, "ipvsadm", ...kind.by(serviceOf(kind)));
      await site.on("d2", "ipvsadm", "-d", "-t", `${ADDRESS}:80`, "-r", rs("rs3", 80));
      found = await repair();
    });

    for (const kind of kinds) {
      it(`${kind.what} is found on its director, and nothing else is written`, () => {
        const drift = driftOf(found.state, nameOf(kind));
        assert.deepEqual(Object.keys(drift), [kind.director]);
        assert.match((drift[kind.director] ?? []).join("\n"), kind.said);
        const service = serviceOf(kind);
        for (const director of site.directorNames) {
          const written = (found.written[director] ?? []).filter((line) => line.includes(` ${service} `));
          const expected = director === kind.director ? kind.repaired(service) : [];
          assert.deepEqual(written.map(unpadded).sort(), [...expected].sort(), director);
        }
      });
    }

    it("a missing server that is a resource of its own is found there, and put back by it alone", async () => {
      assert.deepEqual(Object.keys(driftOf(found.state, "echo-rs3")), ["d2"]);
      assert.deepEqual(driftOf(found.state, "echo-rs4"), {});
      const written = Object.values(found.written)
        .flat()
        .filter((line) => line.includes(`${ADDRESS}:80 `));
      assert.deepEqual(written.map(unpadded), [`-a -t ${ADDRESS}:80 -r ${rs("rs3", 80)} -m -w 3`]);
    });

    it("ends with the tables there were, and nothing more to do", async () => {
      await expectRepaired();
      assert.deepEqual(succeeded(await stack.preview(program())).steps, {});
    });
  });

  it("a lost registry is found on its director, and written again without touching the kernel", async () => {
    await site.on("d2", "rm", "-r", "/var/lib/heye");
    const { state, written } = await repair();
    for (const kind of kinds) {
      assert.deepEqual(Object.keys(driftOf(state, nameOf(kind))), ["d2"]);
      assert.match(JSON.stringify(driftOf(state, nameOf(kind))), /no longer registered as ours/);
    }
    assert.deepEqual(driftOf(state, "echo-rs4"), {
      d2: [`real server ${rs("rs4", 80)} is no longer registered as ours`],
    });
    assert.deepEqual(written, { d1: [], d2: [], d3: [] });
    // RealServers are written again as they arrive, in any order.
    const unordered = (text: string) => text.split(/[\n\t{}]+/).sort();
    assert.deepEqual(unordered(await registry(site, "d2")), unordered(await registry(site, "d1")));
    assert.deepEqual(succeeded(await stack.preview(program())).steps, {});
  });

  it("a director that rebooted is filled again, and no other is touched", async () => {
    const before = await Promise.all(["d1", "d2"].map((name) => site.snapshot(name)));
    await site.lab.fault.rebootDirector("d3");
    assert.equal(await site.table("d3"), "");
    const { state } = await repair();
    for (const kind of kinds) assert.deepEqual(Object.keys(driftOf(state, nameOf(kind))), ["d3"]);
    assert.deepEqual(Object.keys(driftOf(state, "echo-rs3")), ["d3"]);
    assert.deepEqual(await Promise.all(["d1", "d2"].map((name) => site.snapshot(name))), before);
    await expectRepaired();
  });

  it("a wiped table is found and filled again", async () => {
    await site.on("d1", "ipvsadm", "-C");
    const { state, written } = await repair();
    for (const kind of kinds) assert.deepEqual(Object.keys(driftOf(state, nameOf(kind))), ["d1"]);
    assert.deepEqual([written.d2, written.d3], [[], []]);
    await expectRepaired();
    assert.deepEqual(succeeded(await stack.preview(program())).steps, {});
  });

  describe("that cannot be seen", () => {
    /** Runs with one director's sshd stopped. */
    const without = async (director: string, test: () => Promise<Outcome>): Promise<Outcome> => {
      await site.lab.fault.stopService(director, "sshd");
      try {
        return await test();
      } finally {
        await site.lab.fault.startService(director, "sshd");
      }
    };

    it("keeps its state and is said; what others hold is found all the same", async () => {
      await site.on("d1", "ipvsadm", "-D", "-t", serviceOf(kinds[0] as Kind));
      const before = (await stack.state()).resources.map(({ urn }) => urn);
      const refreshed = succeeded(await without("d3", () => stack.refresh()));
      assert.match(refreshed.output, /warning: .*director d3: cannot reach/);
      const state = await stack.state();
      assert.deepEqual(
        state.resources.map(({ urn }) => urn),
        before,
      );
      assert.deepEqual(Object.keys(driftOf(state, nameOf(kinds[0] as Kind))), ["d1"]);
      assert.match(JSON.stringify(outputsOf(state, "echo").unreachable), /"d3":.*cannot reach/);
      succeeded(await stack.up(program()));
      await expectRepaired();
    });

    it("a director is no reason to forget what all others have lost", async () => {
      for (const name of ["d1", "d2"]) await site.on(name, "ipvsadm", "-C");
      succeeded(await without("d3", () => stack.refresh()));
      const drift = driftOf(await stack.state(), "echo");
      assert.deepEqual(Object.keys(drift).sort(), ["d1", "d2"]);
      succeeded(await stack.up(program()));
      await expectRepaired();
    });

    it("fails an up by default, and no director is changed", async () => {
      const before = await site.snapshots();
      const failed = await without("d3", () => stack.up(program({}, 4)));
      assert.equal(failed.ok, false);
      assert.match(failed.output, /1 of 3 directors failed:\n.*director d3: cannot reach/);
      assert.match(failed.output, /Nothing was changed on any director/);
      assert.deepEqual(await site.snapshots(), before);
    });

    it("is left behind where the cluster says skip, and completed by the next up", async () => {
      succeeded(await stack.up(program({ unreachable: "skip" })));
      const skipping = program({ unreachable: "skip" }, 5);
      const before = await site.snapshot("d3");
      const done = succeeded(await without("d3", () => stack.up(skipping)));
      assert.match(done.output, /warning: left out: director d3: cannot reach/);
      assert.equal(await site.snapshot("d3"), before);
      for (const name of ["d1", "d2"]) assert.match(await site.table(name), / -w 5$/m);
      const behind = outputsOf(await stack.state(), nameOf(kinds[0] as Kind)).behind;
      assert.deepEqual(Object.keys(behind as object), ["d3"]);
      const completed = succeeded(await stack.up(skipping));
      assert.deepEqual(completed.steps, { update: kinds.length });
      assert.deepEqual(sorted(await site.table("d3")), sorted(await site.table("d1")));
      assert.equal(outputsOf(await stack.state(), nameOf(kinds[0] as Kind)).behind, undefined);
      assert.deepEqual(succeeded(await stack.preview(skipping)).steps, {});
    });
  });
});

const unpadded = (line: string) => line.replaceAll(/ +/g, " ").trim();

function registry(site: Site, director: string): Promise<string> {
  return site.on(director, "cat", "/var/lib/heye/registry");
}
