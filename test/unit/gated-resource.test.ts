import assert from "node:assert/strict";
import { ConnectionLostError, NotAppliedError, NotWritableError, UnreachableError } from "../../director";
import { parseTable } from "../../ipvs";
import type { Fleet } from "../../provider/fleet";
import { withOpenHandle } from "../../provider/handle";
import { InitialisationError } from "../../provider/handler";
import { virtualServerHandler } from "../../provider/virtual-server";
import { seal } from "../../spec";
import { FakeDirector } from "./fake-director";

/** A handler over directors without a network. */
function handlerOver(directors: readonly FakeDirector[], departed: readonly FakeDirector[] = []) {
  const fleet = { of: () => directors, briefly: () => departed } as unknown as Fleet;
  return virtualServerHandler(fleet);
}

/** What is said on the standard error meanwhile. */
async function warnings(act: () => Promise<unknown>): Promise<string[]> {
  const said: string[] = [];
  const { error } = console;
  console.error = (text: string) => said.push(text);
  try {
    await act();
  } finally {
    console.error = error;
  }
  return said;
}

const inputs = (rollout: object) => ({
  name: "web",
  cluster: { id: "me-1", label: "shop/prod Cluster edge", directors: [], rollout },
  protocol: "tcp",
  address: "192.0.2.1",
  port: 80,
  scheduler: "rr",
  healthCheck: { type: "none" },
  realServers: [{ address: "10.0.0.1", port: 80, weight: 1, forwarding: "nat", drainMs: 0 }],
});

describe("a resource that is deleted", () => {
  it("is kept in the state while a director may hold it, whatever number may fail", async () => {
    const directors = [new FakeDirector("d1"), new FakeDirector("d2")] as const;
    const handler = handlerOver(directors);
    const { id, outputs } = await handler.create(inputs({ maxFailures: 1 }));
    directors[1].lostAt = [2];
    await assert.rejects(handler.delete(id, outputs), { code: "HEYE_ROLLOUT" });
    assert.notEqual(directors[0].text, "");
  });
});

describe("a resource that is refreshed", () => {
  it("keeps what was declared, whatever all directors hold: a delete takes from it whom to drain", async () => {
    const directors = [new FakeDirector("d1"), new FakeDirector("d2")];
    const handler = handlerOver(directors);
    const { id, outputs } = await handler.create(inputs({}));
    for (const one of directors) one.table = parseTable("-A -t 192.0.2.1:80 -s wlc\n");
    const seen = await handler.read(id, outputs);
    assert.deepEqual(Object.keys(seen?.outputs.drift ?? {}), ["d1", "d2"]);
    assert.deepEqual(seen?.inputs.drift, seen?.outputs.drift);
    for (const name of ["realServers", "scheduler"])
      assert.deepEqual([seen?.inputs[name], seen?.outputs[name]], [outputs[name], outputs[name]]);
  });
});

describe("a server that somebody disabled by hand", () => {
  // terraform-provider-bigip#1116: a member that was disabled by hand was no difference to a refresh.
  it("is drift of the director where it was done, and a change for the next up, which takes it back", async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    const handler = handlerOver([d1, d2]);
    const { id, outputs } = await handler.create(inputs({}));
    const declared = d2.text;
    d2.table = parseTable(declared.replace("-w 1", "-w 0"));
    const seen = await handler.read(id, outputs);
    assert.ok(seen);
    const lacks =
      "virtual server tcp 192.0.2.1:80 lacks: -e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1; found: -m -w 0";
    assert.deepEqual(seen.outputs.drift, { d2: [lacks] });
    const wanted = inputs({});
    assert.equal(handler.diff(seen.outputs, wanted).changes, true);
    await handler.update(id, seen.outputs, wanted);
    assert.equal(d2.text, declared);
  });
});

describe("a replacement", () => {
  const on = (id: string, ...hosts: readonly string[]) => ({
    ...inputs({}),
    cluster: {
      ...inputs({}).cluster,
      id,
      directors: hosts.map((host) => ({ name: host, connection: { host } })),
    },
  });
  const goesFirst = (before: object, after: object) => {
    const { replaces, deleteBeforeReplace } = handlerOver([]).diff({ ...before }, { ...after });
    assert.notDeepEqual(replaces, []);
    return deleteBeforeReplace;
  };

  it("serves before the old one goes, at another address or port and on other directors", () => {
    const old = on("a-1", "d1", "d2");
    assert.equal(goesFirst(old, { ...old, port: 81 }), false);
    assert.equal(goesFirst(old, { ...old, address: "192.0.2.2" }), false);
    assert.equal(goesFirst(old, { ...on("b-1", "d1"), port: 81 }), false);
    assert.equal(goesFirst(old, on("b-1", "d3", "d4")), false);
  });

  it("is told of also where a handle holds what no cluster has", () => {
    const old = on("a-1", "d1");
    for (const broken of [
      null,
      "d1",
      { name: "d1", connection: { host: "d1", hostKey: ["ssh-ed25519 A"] } },
    ]) {
      const cluster = { ...old.cluster, id: "b-1", directors: [broken] };
      assert.equal(typeof goesFirst(old, { ...old, cluster }), "boolean");
      assert.equal(typeof goesFirst({ ...old, cluster }, old), "boolean");
    }
  });

  it("waits until the old one has gone where that stands in its place", () => {
    assert.equal(goesFirst(on("a-1", "d1", "d2"), on("b-1", "d2", "d3")), true);
  });
});

describe("a director that joins the cluster", () => {
  const at = (...names: readonly string[]) => ({
    ...inputs({}),
    cluster: {
      ...inputs({}).cluster,
      directors: names.map((name) => ({ name, connection: { host: `${name}.example` } })),
    },
  });
  const THEIRS = "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 7\n";

  it("keeps what stands there and belongs to nobody: the resource has never been there", async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    const { id, outputs } = await handlerOver([d1]).create(at("d1"));
    const before = d1.text;
    d2.table = parseTable(THEIRS);
    await assert.rejects(handlerOver([d1, d2]).update(id, outputs, at("d1", "d2")), {
      message: /director d2: virtual server tcp 192\.0\.2\.1:80 already exists and belongs to no stack/,
    });
    assert.deepEqual([d1.text, d2.text], [before, THEIRS]);
  });

  it("keeps it as well where it was left out when the resource was made", async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2", THEIRS)];
    const { id, outputs } = await handlerOver([d1]).create(at("d1", "d2"));
    const left = { ...outputs, behind: { d2: "it could not be reached" } };
    await assert.rejects(
      handlerOver([d1, d2]).update(id, left, at("d1", "d2")),
      /director d2: .* belongs to no stack/,
    );
    assert.equal(d2.text, THEIRS);
  });

  it("gives it to who asks for it, and one under another name is no such director", async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    const { id, outputs } = await handlerOver([d1]).create(at("d1"));
    d2.table = parseTable(THEIRS);
    const adopting = { ...at("d1", "d2"), adopt: true };
    const made = await handlerOver([d1, d2]).update(id, outputs, adopting);
    assert.equal(d2.text, d1.text);
    // Its registry is lost along with its name: what stands there is the resource's own all the same.
    d2.registry = { owners: {} };
    const renamed = at("d1", "d2");
    renamed.cluster.directors[1] = { name: "other", connection: { host: "d2.example" } };
    await handlerOver([d1, d2]).update(id, made, renamed);
    assert.equal(d2.text, d1.text);
  });
});

describe("a director that leaves the cluster", () => {
  const declared = (drainMs: number) => {
    const [one] = inputs({}).realServers;
    return { ...inputs({}), realServers: [{ ...one, drainMs }] };
  };
  const made = async (drainMs = 60_000, more: object = {}) => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    const { id, outputs } = await handlerOver([d1, d2]).create({ ...declared(drainMs), ...more });
    return { d1, d2, id, outputs };
  };
  const connection = {
    service: "tcp 192.0.2.1:80",
    destination: "10.0.0.1:80",
    weight: 0,
    active: 1,
    inactive: 0,
  };

  it("keeps the connections that go through it until they have ended", async () => {
    const { d1, d2, id, outputs } = await made();
    const seen: string[] = [];
    d2.counts = async () => {
      seen.push(d2.text);
      return seen.length > 1 ? [] : [connection];
    };
    await handlerOver([d1], [d2]).update(id, outputs, declared(60_000));
    assert.equal(seen.length, 2);
    assert.match(seen[0] ?? "", /10\.0\.0\.1:80 -m -w 0/);
    assert.equal(d2.text, "");
    assert.match(d1.text, /-w 1/);
  });

  it("cuts them where that was asked for", async () => {
    const { d1, d2, id, outputs } = await made(0);
    d2.counts = () => Promise.reject(new Error("nobody is to ask"));
    await handlerOver([d1], [d2]).update(id, outputs, declared(0));
    assert.equal(d2.text, "");
  });

  it("keeps those of servers that are resources of their own as well", async () => {
    const { d1, d2, id, outputs } = await made(0, { realServers: undefined });
    const [member] = declared(0).realServers;
    const [owner] = Object.values(d2.registry.owners);
    const [[key, registration] = []] = Object.entries(owner?.virtualServers ?? {});
    assert.ok(owner && key && registration);
    const server = { ...member, forwarding: "nat" as const, address: "10.0.0.1", port: 80, weight: 1 };
    const virtualServers = { [key]: { ...registration, members: [server] } };
    d2.registry = { owners: { "me-1": { ...owner, virtualServers } } };
    let asked = 0;
    d2.counts = async () => (++asked > 1 ? [] : [connection]);
    await handlerOver([d1], [d2]).update(id, outputs, { ...declared(0), realServers: undefined });
    assert.equal(asked, 2);
    assert.equal(d2.text, "");
  });

  it("is asked for each resource anew when it refused one", async () => {
    const { d1, d2, id, outputs } = await made(0);
    const other = { ...declared(0), name: "other", port: 81 };
    const { id: otherId, outputs: otherOutputs } = await handlerOver([d1, d2]).create(other);
    d2.meanwhile = (change) => {
      if (change === 3) throw new NotWritableError("d2", "no space left");
    };
    const handler = handlerOver([d1], [d2]);
    await handler.update(id, outputs, declared(0));
    await handler.update(otherId, otherOutputs, other);
    assert.match(d2.text, /192\.0\.2\.1:80 /);
    assert.doesNotMatch(d2.text, /192\.0\.2\.1:81 /);
  });

  for (const [what, drainMs, failsAt, words] of [
    ["drained", 1, 3, "still stands, at weight 0, on director d2"],
    ["as it was", 0, 2, "still stands on director d2"],
  ] as const)
    it(`is told of with what stands there ${what}, and the command that removes it`, async () => {
      const { d1, d2, id, outputs } = await made(drainMs);
      d2.meanwhile = (change) => {
        if (change === failsAt) throw new NotWritableError("d2", "no space left");
      };
      const said = await warnings(() => handlerOver([d1], [d2]).update(id, outputs, declared(drainMs)));
      const [first = ""] = said;
      assert.ok(first.includes(`virtual server tcp 192.0.2.1:80 ${words}, which left the cluster`), first);
      assert.match(first, /no space left.*\[HEYE_NOT_WRITABLE\].*`ipvsadm -D -t 192\.0\.2\.1:80`/s);
      assert.match(d2.text, drainMs > 0 ? /-w 0/ : /-w 1/);
    });

  it("is told of without a command where an agent would put back what that removes", async () => {
    const { d1, d2, id, outputs } = await made(0);
    d2.meanwhile = () => {
      throw new NotWritableError("d2", "no space left");
    };
    const answer = { exitCode: 0, stdout: "heye 1 runs 0.1.0 -\n", stderr: "" };
    Object.assign(d2, { mode: "agent", execute: async () => answer });
    const said = await warnings(() => handlerOver([d1], [d2]).update(id, outputs, declared(0)));
    assert.match(said.join(), /still stands on director d2.*add d2 to the cluster once more/s);
    assert.doesNotMatch(said.join(), /ipvsadm -D/);
  });

  it("is told of with what may stand there when it breaks off", async () => {
    const { d1, d2, id, outputs } = await made(0);
    d2.lostAt = [2];
    const said = await warnings(() => handlerOver([d1], [d2]).update(id, outputs, declared(0)));
    assert.match(said.join(), /may still stand on director d2.*\[HEYE_CONNECTION_LOST\]/s);
  });

  it("does not hold up the others when it is dead", async () => {
    const { d1, d2, id, outputs } = await made();
    const d3 = new FakeDirector("d3");
    d3.rehearse = () => Promise.reject(new UnreachableError("d3", "192.0.2.13:22", 1, "timed out"));
    await handlerOver([d1], [d3, d2]).update(id, outputs, declared(60_000));
    assert.equal(d2.text, "");
  });
});

describe("a director that lets one log in and is heard of no more", () => {
  const hung = new ConnectionLostError("d2", "reading its table", "no answer within 60 s");
  const made = async (more: object = {}) => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    const handler = handlerOver([d1, d2]);
    const declared = { ...inputs({}), cluster: { ...inputs({}).cluster, ...more } };
    const { id, outputs } = await handler.create(declared);
    d2.rehearse = d2.inspect = () => Promise.reject(hung);
    return { d1, d2, handler, declared, id, outputs };
  };

  it("hides nothing of the others from a refresh, and what is recorded of it is kept", async () => {
    const { d1, handler, id, outputs } = await made();
    d1.table = parseTable(d1.text.replace("-s rr", "-s wlc"));
    const seen = await handler.read(id, outputs);
    assert.deepEqual(Object.keys((seen?.outputs.drift ?? {}) as object), ["d1"]);
    assert.match(JSON.stringify(seen?.outputs.unreachable), /"d2":"director d2: the connection was lost/);
  });

  it("is left out of a change where the cluster says skip, and only there", async () => {
    const skipped = await made({ unreachable: "skip" });
    const wanted = { ...skipped.declared, scheduler: "wlc" };
    const changed = await skipped.handler.update(skipped.id, skipped.outputs, wanted);
    assert.match(JSON.stringify(changed.behind), /^\{"d2":/);
    assert.match(skipped.d1.text, /-s wlc/);
    const { d1, handler, id, outputs, declared } = await made();
    await assert.rejects(
      handler.update(id, outputs, { ...declared, scheduler: "wlc" }),
      /Nothing was changed on any/,
    );
    assert.match(d1.text, /-s rr/);
  });

  it("fails a change that it is lost in, whatever the cluster says: it may hold it", async () => {
    const { d2, handler, id, outputs, declared } = await made({ unreachable: "skip" });
    d2.rehearse = FakeDirector.prototype.rehearse;
    d2.lostAt = [2];
    await assert.rejects(
      handler.update(id, outputs, { ...declared, scheduler: "wlc" }),
      /1 of 2 directors failed/,
    );
  });
});

describe("a director that may fail", () => {
  it("is said to be half changed when what it has could not be put back", async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    const failed = new NotAppliedError("d2", ["add 10.0.0.1:80"], "", undefined);
    d2.meanwhile = (change) => {
      if (change === 1) throw failed;
    };
    d2.lostAt = [2];
    const { outputs } = await handlerOver([d1, d2]).create(inputs({ maxFailures: 1 }));
    const { d2: reason } = outputs.behind as Record<string, string>;
    assert.match(reason ?? "", /HEYE_NOT_APPLIED.*could not be put back: .*HEYE_CONNECTION_LOST/s);
  });
});

describe("an update that could not be put back everywhere", () => {
  /** The next update fails on d2, and cannot be put back on d1. */
  const halfUndone = async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    const handler = withOpenHandle(handlerOver([d1, d2]));
    const cluster = seal(inputs({}).cluster);
    const { id, outputs } = await handler.create({ ...inputs({}), cluster });
    [d1.lostAt, d2.lostAt] = [[3], [2]];
    const heavier = inputs({}).realServers.map((one) => ({ ...one, weight: 7 }));
    return { d1, handler, cluster, id, outputs, heavier };
  };

  it("leaves the state before, marked, so that the next up repairs whatever the program says", async () => {
    const { d1, handler, cluster, id, outputs, heavier } = await halfUndone();
    await assert.rejects(
      handler.update(id, outputs, { ...inputs({}), cluster, realServers: heavier }),
      (error) => {
        assert.ok(error instanceof InitialisationError, String(error));
        assert.deepEqual([error.id, error.outputs], [id, outputs]);
        assert.match(error.message, /Putting back failed on 1 /);
        return true;
      },
    );
    assert.match(d1.text, /-w 7/);
    await handler.update(id, outputs, { ...inputs({}), cluster });
    assert.match(d1.text, /-w 1/);
  });

  it("hands no open handle to the state that had lost its own", async () => {
    const { handler, cluster, id, outputs, heavier } = await halfUndone();
    const { cluster: _, ...state } = outputs;
    await assert.rejects(
      handler.update(id, state, { ...inputs({}), cluster, realServers: heavier }),
      (error) => error instanceof InitialisationError && error.outputs.cluster === cluster,
    );
  });
});
