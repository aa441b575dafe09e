import assert from "node:assert/strict";
import {
  type Director,
  type Member,
  NotWritableError,
  putMember,
  putVirtualServer,
  type Registration,
} from "../../director";
import { EMPTY_REGISTRY } from "../../director/registry";
import {
  destinationKey,
  parseTable,
  renderTable,
  serviceKey,
  type Table,
  type Thresholds,
  withLimits,
} from "../../ipvs";
import { adoptions, givingBack } from "../../provider/adoption";
import { changeGated, createGated } from "../../provider/gated-change";
import { withThresholds } from "../../provider/rollout";
import type { GatedChange } from "../../provider/steps";
import { FakeDirector } from "./fake-director";
import { IDENTITY, KEY, ME, NONE, server, text } from "./pool-fixture";

const lines = (table: string) => table.split("\n").sort();

const registration = (pool: Registration["pool"], members: readonly Member[]): Registration => ({
  ...IDENTITY,
  resource: "web",
  token: "t1",
  scheduler: "rr",
  pool,
  members,
});

const takingOver = (pool: Registration["pool"], members: readonly Member[]) =>
  putVirtualServer(ME, KEY, registration(pool, members), { known: false, adopts: true });

function adopting(
  directors: readonly FakeDirector[],
  pool: Registration["pool"],
  members: readonly Member[],
  more: Partial<GatedChange> = {},
): GatedChange {
  return {
    key: KEY,
    service: IDENTITY,
    directors: directors as unknown as Director[],
    policy: {},
    members,
    adopts: true,
    checkOf: () => NONE,
    drainMsOf: () => 0,
    change: (all) => takingOver(pool, all),
    ...more,
  };
}

/** The second director fails, so that the first is put back. */
function pair(first: string): readonly [FakeDirector, FakeDirector] {
  const directors = [new FakeDirector("d1", first), new FakeDirector("d2")] as const;
  directors[1].meanwhile = () => {
    throw new NotWritableError("d2", "no space left");
  };
  return directors;
}

const PUT_BACK = { message: /^1 of 2 directors failed:.*Put back to what they held before: d1/s };

/** A table whose servers take so many connections each. */
function limitedTo(upper: number, table: string): Table {
  const limits = parseTable(table).map((service): [string, Map<string, Thresholds>] => [
    serviceKey(service),
    new Map(service.destinations.map((one) => [destinationKey(one), { upper, lower: 1 }])),
  ]);
  return withLimits(parseTable(table), new Map(limits));
}

function thresholdsOf(table: Table): [string, Thresholds | undefined][] {
  const found = table.flatMap(({ destinations }) => destinations);
  return found
    .map((one): [string, Thresholds | undefined] => [destinationKey(one), one.thresholds])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("an adoption", () => {
  it("takes away thresholds that are not declared, and says so", async () => {
    const d1 = new FakeDirector("d1");
    d1.table = limitedTo(5, text(1));
    const state = await withThresholds(d1 as unknown as Director, takingOver("inline", [server(1)]));
    const said = adoptions(
      KEY,
      takingOver("inline", [server(1)]),
      new Map([[d1 as unknown as Director, state]]),
    );
    assert.match(said.join(), /changed by ipvsadm -e -t 192\.0\.2\.1:80 -r 10\.0\.0\.1:80 -m -w 1$/);
    await createGated(adopting([d1], "inline", [server(1)]));
    assert.deepEqual(thresholdsOf(d1.table), [["10.0.0.1:80", undefined]]);
  });

  it("with an update does the same, where a director has joined, and is told of", async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    await createGated(adopting([d1], "inline", [server(1)]));
    d2.table = limitedTo(5, text(1));
    const said: string[] = [];
    const { error } = console;
    console.error = (line: string) => said.push(line);
    try {
      await changeGated(adopting([d1, d2], "inline", [server(1)]));
    } finally {
      console.error = error;
    }
    assert.deepEqual(thresholdsOf(d2.table), [["10.0.0.1:80", undefined]]);
    assert.match(
      said.join("\n"),
      /^warning: tcp 192\.0\.2\.1:80 on director d2 belonged to nobody and was taken over: changed by/,
    );
    await changeGated(adopting([d1, d2], "inline", [server(1)]));
    assert.equal(said.length, 1);
  });

  it("with an update is given back with its thresholds, when another director fails", async () => {
    const [d1, d2] = [new FakeDirector("d1"), new FakeDirector("d2")];
    await createGated(adopting([d2], "inline", [server(1)]));
    d1.table = limitedTo(5, text(1));
    d2.meanwhile = () => {
      throw new NotWritableError("d2", "no space left");
    };
    await assert.rejects(changeGated(adopting([d1, d2], "inline", [server(2)])), PUT_BACK);
    assert.deepEqual(thresholdsOf(d1.table), [["10.0.0.1:80", { upper: 5, lower: 1 }]]);
  });

  it("of a separate pool leaves those of its servers as they are", async () => {
    const d1 = new FakeDirector("d1");
    d1.table = limitedTo(5, text(1));
    await createGated(adopting([d1], "separate", []));
    assert.deepEqual(thresholdsOf(d1.table), [["10.0.0.1:80", { upper: 5, lower: 1 }]]);
  });
});

describe("an adoption that is taken back", () => {
  for (const [what, first] of [
    ["made", ""],
    ["changed", text(1)],
  ] as const) {
    it(`gives back what somebody ${what} after directors were asked first`, async () => {
      const [d1, d2] = pair(first);
      d1.meanwhile = (change) => {
        if (change === 1) d1.table = parseTable(text(1, 2));
      };
      await assert.rejects(createGated(adopting([d1, d2], "inline", [server(1)])), PUT_BACK);
      assert.deepEqual(lines(d1.text), lines(text(1, 2)));
      assert.deepEqual(d1.registry, EMPTY_REGISTRY);
    });
  }

  it("gives back a separate pool as its servers stand by then, though nobody registered them", async () => {
    const [d1, d2] = pair(text(1, 2, 3));
    const edited = `${text(1)}-a -t 192.0.2.1:80 -r 10.0.0.3:80 -m -w 7\n-a -t 192.0.2.1:80 -r 10.0.0.4:80 -m -w 1\n`;
    d1.meanwhile = (change) => {
      if (change === 2) d1.table = parseTable(edited);
    };
    await assert.rejects(createGated(adopting([d1, d2], "separate", [])), PUT_BACK);
    assert.deepEqual(lines(d1.text), lines(edited));
    assert.deepEqual(d1.registry, EMPTY_REGISTRY);
  });

  it("gives back thresholds too, of what it edited and of what it removed", async () => {
    const [d1, d2] = pair("");
    d1.table = limitedTo(5, text(1, 2));
    const before = d1.table;
    const adopted = adopting([d1, d2], "inline", [server(1)]);
    await assert.rejects(createGated(adopted), PUT_BACK);
    assert.deepEqual(thresholdsOf(d1.table), thresholdsOf(before));
  });

  it("gives back those of servers in a separate pool that nobody registered", async () => {
    const [d1, d2] = pair("");
    d1.table = limitedTo(5, text(1, 2));
    const before = d1.table;
    await assert.rejects(createGated(adopting([d1, d2], "separate", [])), PUT_BACK);
    assert.deepEqual(thresholdsOf(d1.table), thresholdsOf(before));
  });

  it("brings nothing back that had left it before it was taken back", async () => {
    const directors = pair(text());
    const [d1, d2] = directors;
    const fail = d2.meanwhile;
    d2.meanwhile = () => undefined;
    await createGated(adopting(directors, "separate", []));
    const { registry } = d1;
    for (const one of directors) one.table = parseTable(text(5));
    d2.meanwhile = fail;
    let changes = 0;
    d1.meanwhile = () => {
      if (++changes === 2) [d1.registry, d1.table] = [registry, parseTable(text())];
    };
    const member = { ...server(5), resource: "rs5" };
    const change = () => putMember(ME, KEY, member, { known: false, adopts: true });
    await assert.rejects(createGated(adopting(directors, "separate", [member], { change })), PUT_BACK);
    assert.equal(d1.text, text());
    assert.deepEqual(d1.registry, registry);
  });

  it("knows what it took over when it is computed anew after its answer was lost", () => {
    const change = givingBack(takingOver("inline", [server(1)]), new Map());
    const basis = { director: "d1", registry: EMPTY_REGISTRY };
    change.apply({ ...basis, table: [] });
    const registry = change.apply({ ...basis, table: parseTable(text(1, 2)) });
    change.apply({ ...basis, registry, table: parseTable(text(1)) });
    const stood = change.undo(undefined).leaves?.("d1");
    assert.equal(stood && renderTable([stood]), text(1, 2));
  });
});
