import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import {
  type Director,
  type DirectorState,
  type Member,
  NotWritableError,
  putMember,
  putVirtualServer,
  type Registration,
} from "../../director";
import type { Verdict } from "../../health";
import { parseTable } from "../../ipvs";
import { adoptions } from "../../provider/adoption";
import { changeGated, createGated } from "../../provider/gated-change";
import type { GatedChange } from "../../provider/steps";
import { FakeDirector } from "./fake-director";
import { IDENTITY, KEY, ME, NONE, server, text } from "./pool-fixture";

const CHECK = { type: "tcp", intervalMs: 1, timeoutMs: 5, rise: 1, fall: 1, deadlineMs: 10 } as const;

function gated(
  directors: readonly FakeDirector[],
  members: readonly Member[],
  more: Partial<GatedChange> = {},
): GatedChange {
  const { adopts = false } = more;
  const wanted = (all: readonly Member[]): Registration => ({
    ...IDENTITY,
    resource: "web",
    token: "t1",
    scheduler: "rr",
    pool: "inline",
    members: all,
  });
  return {
    key: KEY,
    service: IDENTITY,
    directors: directors as unknown as Director[],
    policy: {},
    members,
    adopts,
    checkOf: () => CHECK,
    drainMsOf: () => 0,
    change: (all, leaving) => putVirtualServer(ME, KEY, wanted(all), { known: false, adopts, leaving }),
    ...more,
  };
}

async function filled(name = "d1"): Promise<FakeDirector> {
  const director = new FakeDirector(name);
  await createGated(gated([director], [server(1), server(2)], { checkOf: () => NONE }));
  return director;
}

describe("a virtual server that is made", () => {
  // terraform-provider-aws#494: nothing waited until targets were healthy; what came after went on without any.
  it("is not done, and sends nothing to its servers, before all of them are healthy", async () => {
    const d1 = new FakeDirector("d1");
    const asked: ((verdict: Verdict) => void)[] = [];
    let isDone = false;
    d1.verdict = () => new Promise((answer) => asked.push(answer));
    const made = createGated(gated([d1], [server(1), server(2)])).then(() => {
      isDone = true;
    });
    for (const count of [1, 2]) {
      while (asked.length < count) await setImmediate();
      for (let turns = 0; turns < 20; turns++) await setImmediate();
      assert.deepEqual([isDone, d1.text.match(/-w [1-9]/g)], [false, null], `${count - 1} are healthy`);
      asked[count - 1]?.({ healthy: true, answer: "connected", checks: 1 });
    }
    await made;
    assert.deepEqual(d1.text.split("\n").sort(), text(1, 2).split("\n").sort());
  });
});

describe("a virtual server with one dead server", () => {
  const dead = { checkOf: (member: Member) => (member.address === "10.0.0.2" ? CHECK : NONE) };
  const without2 = [server(1), { ...server(2), weight: 0 }];
  const rested = [
    "-A -t 192.0.2.1:80 -s rr",
    "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1",
    "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0",
  ];

  it("is made without it where that is declared with weight 0", async () => {
    const d1 = new FakeDirector("d1");
    assert.equal((await createGated(gated([d1], without2, dead))).failure, undefined);
    assert.deepEqual(d1.text.split("\n").filter(Boolean).sort(), [...rested].sort());
  });

  const lines = ({ text }: FakeDirector) => text.split("\n").filter(Boolean).sort();
  const alive = (one: FakeDirector) => lines(one).filter((line) => !/ -w 0$/.test(line));

  it("comes back to a director that has lost it, without connections for that one", async () => {
    const d1 = await filled();
    d1.table = [];
    const { behind } = await changeGated(gated([d1], [server(1), server(2)], dead));
    assert.deepEqual(lines(d1), [...rested].sort());
    assert.match(behind.d1 ?? "", /^director d1: it lacked servers of .*10\.0\.0\.2:80/);
    // It is asked again, and let in when it is well.
    assert.deepEqual(
      (await changeGated(gated([d1], [server(1), server(2)], { checkOf: () => NONE }))).behind,
      {},
    );
    assert.deepEqual(lines(d1), lines(await filled()));
  });

  it("comes to a director that joins, where that one serves on the others, and stays held back there alone", async () => {
    const [d1, d2] = [await filled("d1"), new FakeDirector("d2")];
    const both = [server(1), server(2)];
    const { behind } = await changeGated(gated([d1, d2], both, dead));
    assert.deepEqual([lines(d2), Object.keys(behind)], [[...rested].sort(), ["d2"]]);
    assert.deepEqual(alive(d1).length, 3);
    const again = await changeGated(gated([d1, d2], both, dead));
    assert.deepEqual(
      [alive(d1).length, lines(d2), Object.keys(again.behind)],
      [3, [...rested].sort(), ["d2"]],
    );
    await changeGated(gated([d1, d2], both, { checkOf: () => NONE }));
    assert.deepEqual(lines(d2), lines(d1));
  });

  it("is not changed where another server is to leave as well: a director could be left without any", async () => {
    const [d1, d2] = [await filled("d1"), await filled("d2")];
    d2.table = parseTable(text(1));
    await assert.rejects(changeGated(gated([d1, d2], [server(2)], dead)), { code: "HEYE_GATE" });
    assert.deepEqual([d1, d2].map(lines), [
      lines(await filled()),
      text(1).split("\n").filter(Boolean).sort(),
    ]);
  });

  it("is not changed where that one is new, or is to be reached in another way", async () => {
    const [d1, d2] = [await filled("d1"), await filled("d2")];
    const third = { checkOf: (member: Member) => (member.address === "10.0.0.3" ? CHECK : NONE) };
    for (const [members, checks] of [
      [[server(1), server(2), server(3)], third],
      [[server(1), { ...server(2), forwarding: "dr" as const }], dead],
    ] as const) {
      await assert.rejects(changeGated(gated([d1, d2], members, checks)), {
        code: "HEYE_GATE",
        message: /give them `weight: 0`/,
      });
      assert.deepEqual([d1, d2].map(lines), [lines(await filled()), lines(await filled())]);
    }
  });
});

describe("a virtual server that is taken over", () => {
  it("goes on as it is when a server that is to enter is not healthy", async () => {
    const d1 = new FakeDirector("d1", text(1, 2));
    await assert.rejects(createGated(gated([d1], [server(3)], { adopts: true })), {
      code: "HEYE_GATE",
      message: /Nothing was changed on any director/,
    });
    assert.equal(d1.text, text(1, 2));
  });

  it("is told of with every edit that it takes, since no preview could show it", async () => {
    const [d1, d2, d3] = [
      new FakeDirector("d1", text(1, 2)),
      new FakeDirector("d2", text(1)),
      new FakeDirector("d3"),
    ];
    const change = gated([], [server(1)], { adopts: true }).change([server(1)], "go");
    const states = new Map<Director, DirectorState>();
    for (const one of [d1, d2, d3]) states.set(one as unknown as Director, await one.rehearse(change));
    assert.deepEqual(adoptions(KEY, change, states), [
      `${KEY} on director d1 belonged to nobody and was taken over: changed by ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.2:80`,
      `${KEY} on director d2 belonged to nobody and was taken over: it is as declared`,
    ]);
  });

  it("stands as it did, and is nobody's, where it was taken over and another director fails", async () => {
    const [d1, d2, d3] = [new FakeDirector("d1", text(1, 2)), new FakeDirector("d2"), new FakeDirector("d3")];
    d3.meanwhile = () => {
      throw new NotWritableError("d3", "no space left");
    };
    for (const drainMs of [0, 60_000]) {
      const more = { adopts: true, checkOf: () => NONE, drainMsOf: () => drainMs };
      await assert.rejects(createGated(gated([d1, d2, d3], [server(1), server(3)], more)), {
        message: /Put back to what they held before: d1, d2/,
      });
      assert.deepEqual(d1.text.split("\n").sort(), text(1, 2).split("\n").sort());
      assert.equal(d2.text, "");
      assert.deepEqual([d1.registry, d2.registry], [{ owners: {} }, { owners: {} }]);
    }
  });

  it("stands as it did in a separate pool too, when one server of it was taken over and another director fails", async () => {
    const directors = [new FakeDirector("d1"), new FakeDirector("d2")] as const;
    const pool: Registration = {
      ...IDENTITY,
      resource: "web",
      scheduler: "rr",
      pool: "separate",
      members: [],
    };
    const put = () => putVirtualServer(ME, KEY, pool, { known: false });
    await createGated(gated(directors, [], { change: put }));
    const strangers = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.5:80 -m -w 7\n";
    for (const one of directors) one.table = parseTable(strangers);
    const before = directors.map(({ registry }) => registry);
    directors[1].meanwhile = () => {
      throw new NotWritableError("d2", "no space left");
    };
    const member = { ...server(5), resource: "rs5" };
    const change = () => putMember(ME, KEY, member, { known: false, adopts: true });
    const adopting = gated(directors, [member], { adopts: true, checkOf: () => NONE, change });
    await assert.rejects(createGated(adopting), { message: /Put back to what they held before: d1/ });
    assert.deepEqual(
      directors.map((one) => one.text),
      [strangers, strangers],
    );
    assert.deepEqual(
      directors.map(({ registry }) => registry),
      before,
    );
  });

  it("drains what it does not list, once what it lists is in", async () => {
    const d1 = new FakeDirector("d1", text(2, 3));
    const seen: string[] = [];
    d1.counts = async () => {
      seen.push(d1.text);
      return seen.length > 1
        ? []
        : [{ service: KEY, destination: "10.0.0.3:80", weight: 0, active: 1, inactive: 0 }];
    };
    const more = { adopts: true, checkOf: () => NONE, drainMsOf: () => 60_000 };
    await createGated(gated([d1], [server(1), server(2)], more));
    assert.equal(seen.length, 2);
    assert.match(seen[0] ?? "", /10\.0\.0\.3:80 -m -w 0/);
    assert.match(seen[0] ?? "", /10\.0\.0\.1:80 -m -w 1/);
    assert.deepEqual(d1.text.split("\n").sort(), text(1, 2).split("\n").sort());
  });

  it("is kept, with what it does not list at weight 0, when that cannot be removed", async () => {
    const d1 = new FakeDirector("d1", text(1, 2));
    d1.meanwhile = (change) => {
      if (change === 2) throw new NotWritableError("d1", "no space left");
    };
    const { failure } = await createGated(gated([d1], [server(1)], { adopts: true, drainMsOf: () => 1 }));
    assert.match(String(failure), /director d1/);
    assert.equal(d1.text, text(1, 2).replace("2:80 -m -w 1", "2:80 -m -w 0"));
  });

  it("is made where it does not stand, with what is not healthy at weight 0", async () => {
    const d1 = new FakeDirector("d1");
    const { failure, held } = await createGated(gated([d1], [server(3)], { adopts: true }));
    assert.match(String(failure), /weight 0/);
    assert.deepEqual(held, ["10.0.0.3:80"]);
  });
});

describe("a change that drains", () => {
  const without2 = (directors: readonly FakeDirector[], more: Partial<GatedChange> = {}) =>
    changeGated(gated(directors, [server(1)], { drainMsOf: () => 1, ...more }));

  it("says on which directors its first half could not be taken back", async () => {
    const [d1, d2] = [await filled("d1"), await filled("d2")];
    // 1: filled, 2: drained, 3: the removal, 4: taking back what was drained.
    d2.lostAt = [3, 4];
    await assert.rejects(without2([d1, d2]), (error: Error) => {
      assert.match(error.message, /Putting back failed on 1 /);
      return true;
    });
    // What was removed and put back stands where the kernel puts what is new.
    assert.deepEqual(d1.text.split("\n").sort(), text(1, 2).split("\n").sort());
  });

  it("waits for a director that cannot be asked: it may have connections", async () => {
    const d1 = await filled("d1");
    let asked = 0;
    d1.counts = async () => {
      if (++asked === 1) throw new Error("a session too many");
      return [];
    };
    await without2([d1], { drainMsOf: () => 60_000 });
    assert.equal(asked, 2);
    assert.equal(d1.text, text(1));
  });

  it("ends with its time where a director does not answer at all", async () => {
    const d1 = await filled("d1");
    const d2 = await filled("d2");
    d2.counts = () => new Promise(() => undefined);
    await without2([d1, d2], { drainMsOf: () => 20 });
    assert.equal(d1.text, text(1));
  });

  it("counts a director once that could not be put back either", async () => {
    const d1 = await filled("d1");
    d1.lostAt = [3, 4];
    await assert.rejects(without2([d1]), { message: /^1 of 1 directors failed:/ });
  });

  it("bears as many failures over both of its halves as may be", async () => {
    const directors = [await filled("d1"), await filled("d2"), await filled("d3")] as const;
    directors[1].lostAt = [2];
    directors[2].lostAt = [3];
    await assert.rejects(without2(directors, { policy: { rollout: { maxFailures: 1 } } }), {
      code: "HEYE_ROLLOUT",
    });
    assert.equal(directors[0].table[0]?.destinations.length, 2);
  });
});

describe("a director that changes while its servers are checked", () => {
  const toThree = (director: FakeDirector, checkOf: GatedChange["checkOf"]) =>
    changeGated(gated([director], [server(1), server(2), server(3)], { checkOf }));

  it("is asked about anew, so that nobody enters unasked", async () => {
    const d1 = await filled();
    d1.meanwhile = (change) => {
      if (change === 2) d1.table = [];
    };
    const asked: string[] = [];
    await toThree(d1, (member) => {
      asked.push(member.address);
      return NONE;
    });
    assert.deepEqual([...new Set(asked)].sort(), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    assert.deepEqual(d1.text.split("\n").sort(), text(1, 2, 3).split("\n").sort());
  });

  it("lets nobody in who is not healthy by then", async () => {
    const d1 = await filled();
    d1.meanwhile = () => {
      d1.table = [];
    };
    const isNew = (member: Member) => member.address === "10.0.0.3";
    const { behind } = await toThree(d1, (member) => (isNew(member) ? NONE : CHECK));
    assert.match(behind.d1 ?? "", /10\.0\.0\.1:80 from director d1.*10\.0\.0\.2:80 from director d1/);
    assert.deepEqual(d1.text.match(/\S+:80 -m -w [1-9]/g), ["10.0.0.3:80 -m -w 1"]);
  });

  it("does not get its servers back unasked either, when it was emptied while others drained", async () => {
    const d1 = await filled();
    d1.meanwhile = (change) => {
      if (change === 3) d1.table = [];
    };
    const one = gated([d1], [server(1)], { checkOf: () => CHECK, drainMsOf: () => 1 });
    await assert.rejects(changeGated(one), { code: "HEYE_ROLLOUT", uncertain: true });
    assert.equal(d1.text, "");
  });

  it("is said to be half changed when others drained meanwhile, whatever else failed", async () => {
    for (const alsoFails of [false, true]) {
      const directors = [await filled("d1"), await filled("d2"), await filled("d3")] as const;
      const [d1, d2, d3] = directors;
      d2.meanwhile = (change) => {
        if (change === 3) d2.table = parseTable(text(1, 2).replaceAll("-w 1", "-w 0"));
      };
      d3.meanwhile = (change) => {
        if (alsoFails && change === 3) throw new NotWritableError("d3", "no space left");
      };
      await assert.rejects(changeGated(gated(directors, [server(1)], { drainMsOf: () => 1 })), {
        code: "HEYE_ROLLOUT",
        uncertain: true,
        message: /Put back .*: d1.*\. Left half changed: d2; what was to leave \(10\.0\.0\.2:80\) takes no/,
      });
      for (const one of [d1, d3])
        assert.deepEqual(one.text.split("\n").sort(), text(1, 2).split("\n").sort());
      assert.equal(d2.text, text(1, 2).replaceAll("-w 1", "-w 0"));
    }
  });

  it("is behind, and its servers are not asked again, where it may fail", async () => {
    const [d1, d2] = [await filled("d1"), await filled("d2")];
    d2.meanwhile = () => {
      d2.table = [];
    };
    const policy = { rollout: { maxFailures: 1 } };
    const three = gated([d1, d2], [server(1), server(2), server(3)], { checkOf: () => NONE, policy });
    const { behind } = await changeGated(three);
    assert.match(behind.d2 ?? "", /\[HEYE_UNASKED\]$/);
    assert.deepEqual([d1.table[0]?.destinations.length, d2.text], [3, ""]);
  });

  it("is given up on when it never holds still", async () => {
    const d1 = await filled();
    const filledTable = d1.table;
    let rehearsals = 0;
    const { rehearse } = d1;
    d1.rehearse = (change) => {
      rehearsals++;
      d1.table = filledTable;
      return rehearse.call(d1, change);
    };
    d1.meanwhile = () => {
      d1.table = [];
    };
    await assert.rejects(
      toThree(d1, () => NONE),
      {
        code: "HEYE_ROLLOUT",
        message: /expected 10\.0\.0\.1:80, 10\.0\.0\.2:80 in service.*\[HEYE_UNASKED\]/,
      },
    );
    assert.equal(rehearsals, 3);
    assert.equal(d1.text, "");
  });
});

describe("a server in service", () => {
  it("is asked again when connections are to reach it in another way", async () => {
    const d1 = new FakeDirector("d1");
    await createGated(gated([d1], [server(1)], { checkOf: () => NONE }));
    await changeGated(gated([d1], [{ ...server(1), weight: 3 }]));
    const before = d1.text;
    await assert.rejects(changeGated(gated([d1], [{ ...server(1), forwarding: "dr" }])), {
      code: "HEYE_GATE",
    });
    assert.equal(d1.text, before);
  });
});
