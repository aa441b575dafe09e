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
import { parseTable, renderTable } from "../../ipvs";
import { givingBack } from "../../provider/adoption";
import { createGated } from "../../provider/gated-change";
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
    const change = givingBack(takingOver("inline", [server(1)]));
    const basis = { director: "d1", registry: EMPTY_REGISTRY };
    change.apply({ ...basis, table: [] });
    const registry = change.apply({ ...basis, table: parseTable(text(1, 2)) });
    change.apply({ ...basis, registry, table: parseTable(text(1)) });
    const stood = change.undo(undefined).leaves?.("d1");
    assert.equal(stood && renderTable([stood]), text(1, 2));
  });
});
