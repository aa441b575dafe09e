import assert from "node:assert/strict";
import type { TrafficReport } from "../../lab";
import { disagreement } from "../chaos/agreement";
import { mayHold } from "../chaos/api-writers";
import { chaosArguments } from "../chaos/arguments";
import { Coverage } from "../chaos/coverage";
import { boundOf, mayRefuse, standstills, unexcused } from "../chaos/judge";
import { wantedOf } from "../chaos/operations";
import {
  DIRECTORS,
  ETCD_FAULTS,
  FAULTS,
  faultsOf,
  faultsWith,
  OPERATIONS,
  operationsOf,
  type Step,
  schedule,
  stepText,
} from "../chaos/schedule";

const STEP: Step = {
  operation: "nothing",
  fault: "none",
  afterMs: 0,
  director: 0,
  server: 0,
  weights: [4, 5, 6],
};

describe("schedules of chaos", () => {
  it("are the same for the same seed, and others for another", () => {
    assert.deepEqual(schedule(5, 20), schedule(5, 20));
    assert.notDeepEqual(schedule(5, 20), schedule(6, 20));
  });

  it("begin alike, however long they are", () => {
    assert.deepEqual(schedule(5, 20).slice(0, 7), schedule(5, 7));
  });

  it("have every operation with every fault that it may meet, and with no other", () => {
    const steps = Array.from({ length: 300 }, (_, seed) => schedule(seed, 20)).flat();
    const met = new Set(steps.map(({ operation, fault }) => `${operation}, ${fault}`));
    const meant = OPERATIONS.flatMap((one) => faultsWith(one).map((fault) => `${one}, ${fault}`));
    assert.deepEqual([...met].sort(), meant.sort());
    assert.ok(!met.has("turn mode, all dead"), "nobody heeds servers while there are no agents");
  });

  it("have all of that where directors share an etcd, but for what they cannot do then, and what only happens there", () => {
    const steps = Array.from({ length: 400 }, (_, seed) => schedule(seed, 20, "etcd")).flat();
    const met = new Set(steps.map(({ operation, fault }) => `${operation}, ${fault}`));
    const meant = operationsOf("etcd").flatMap((one) =>
      faultsWith(one, "etcd").map((fault) => `${one}, ${fault}`),
    );
    assert.deepEqual([...met].sort(), meant.sort());
    assert.ok(!operationsOf("etcd").includes("turn mode"), "those without agents share nothing");
    assert.deepEqual(faultsOf("etcd"), [...FAULTS, ...ETCD_FAULTS]);
    assert.deepEqual(new Set(steps.map(({ director }) => director)).size, DIRECTORS.etcd);
  });

  it("have nothing of etcd where there is none", () => {
    const steps = Array.from({ length: 100 }, (_, seed) => schedule(seed, 20)).flat();
    const isOfEtcd = (fault: string) => ETCD_FAULTS.some((one) => one === fault);
    assert.deepEqual(
      steps.filter(({ fault }) => isOfEtcd(fault)),
      [],
    );
  });

  it("are told so that people can follow them", () => {
    const told = stepText({ ...STEP, operation: "pool", fault: "all dead", afterMs: 300 });
    assert.equal(told, "pool (weights 4 5 6) 300 ms after all dead, d1, rs1");
  });

  it("declare what their operations make", () => {
    const declared = {
      mode: "agent",
      web: new Map([
        ["rs1", 2],
        ["rs2", 2],
      ]),
      side: undefined,
    } as const;
    const made = (step: Partial<Step>) => wantedOf(declared, { ...STEP, ...step });
    assert.deepEqual([...made({ operation: "weights" }).web.values()], [4, 5]);
    assert.deepEqual([...made({ operation: "pool" }).web.keys()], ["rs2"]);
    assert.deepEqual([...made({ operation: "pool", server: 2 }).web.keys()], ["rs1", "rs2", "rs3"]);
    assert.equal(made({ operation: "create" }).side?.size, 3);
    assert.equal(made({ operation: "drain" }), declared);
  });
});

describe("the judge of chaos", () => {
  const report = (begunMs: number[], failed = begunMs.length) =>
    ({
      failed,
      failures: begunMs.map((one) => ({ begunMs: one, atMs: one + 900, text: "lost" })),
    }) as unknown as TrafficReport;

  it("excuses what was begun while it could not be known, and nothing else", () => {
    const windows = [{ fromMs: 1_000, toMs: 2_000 }];
    assert.deepEqual(unexcused(report([1_000, 1_500, 2_000]), windows), []);
    assert.deepEqual(unexcused(report([1_500, 2_100]), windows), [
      "begun at 2100 ms, failed at 3000 ms: lost",
    ]);
    assert.equal(unexcused(report([1_500]), []).length, 1);
  });

  it("excuses what was begun about when the lab itself stood still", () => {
    assert.deepEqual(unexcused(report([5_000, 7_900]), standstills(report([5_500]))).length, 1);
    // By the clock of the load that is judged, which began 2 s before the other one.
    assert.deepEqual(unexcused(report([5_000, 7_900]), standstills(report([5_500]), 2_000)).length, 1);
    assert.deepEqual(unexcused(report([5_000, 5_900]), standstills(report([5_500]), 2_000)).length, 2);
  });

  it("excuses nothing of which it was not told", () => {
    assert.equal(unexcused(report([], 3), [{ fromMs: 0, toMs: 9_999 }]).length, 1);
  });

  it("lets nothing be lost by what etcd does, and nothing be refused while most of its members work", () => {
    const harmful = ETCD_FAULTS.filter((fault) => boundOf(fault, "weights") > 0);
    assert.deepEqual(harmful, ["old table"], "it is cut off from its servers too");
    assert.deepEqual(
      ETCD_FAULTS.filter((fault) => !mayRefuse(fault)),
      ["etcd member slow", "etcd member cut off", "etcd member replaced", "API writers"],
    );
  });

  it("lets nothing be lost by what an agent's death, its disk, its clock or another writer does", () => {
    const harmless = FAULTS.filter((fault) => boundOf(fault, "weights") === 0);
    assert.deepEqual(harmless, [
      ...["none", "kill agent", "kill agent again and again", "disk full"],
      ...["clock forward", "clock back", "two writers", "second agent"],
    ]);
    assert.ok(boundOf("all dead", "restart agents") > boundOf("all dead", "weights"));
  });
});

describe("what was declared in chaos", () => {
  it("is the last that was accepted, or what came after it and got no clear answer", () => {
    const may = (...told: [number, number][]) => [...mayHold(told, [0])];
    assert.deepEqual(may(), [0]);
    assert.deepEqual(may([1, 201], [2, 200], [3, 200]), [3]);
    assert.deepEqual(may([1, 201], [2, 503], [3, 409]), [1, 2]);
    assert.deepEqual(may([1, 0], [2, 404], [3, 504]), [0, 1, 3]);
    assert.deepEqual(may([1, 500], [2, 503], [3, 200]), [3]);
  });

  it("is agreed on by directors that are alive, hold the newest, and hold the same", () => {
    const word = { revision: 4, digests: { registry: "a", table: "b" }, troubles: [] };
    const [one, other] = [
      { ...word, director: "d1" },
      { ...word, director: "d2" },
    ];
    const why = (directors: (typeof one)[], faults: string[] = [], revision = 4) =>
      disagreement({ held: { revision }, faults, directors }, ["d2", "d1"]);
    assert.equal(why([one, other]), undefined);
    assert.equal(why([one]), "alive are d1 alone");
    assert.equal(why([one, { ...other, revision: 3 }]), "d2 is at revision 3, and etcd holds revision 4");
    assert.match(why([one, other], [], 5) ?? "", /d1 is at revision 4/);
    assert.match(why([one, other], ["a hole"]) ?? "", /a hole/);
    assert.match(why([one, { ...other, digests: { registry: "a", table: "c" } }]) ?? "", /digests differ/);
    assert.equal(disagreement({ faults: [], directors: [one, other] }, ["d1", "d2"]), "etcd holds nothing");
    const troubled = { ...other, troubles: ["its disk is full"] };
    assert.equal(
      disagreement({ held: { revision: 4 }, faults: [], directors: [one, troubled] }, ["d1", "d2"]),
      "d2: its disk is full",
    );
  });
});

describe("npm run chaos", () => {
  it("takes how much of it, and says what is no number", () => {
    assert.deepEqual(chaosArguments([], 9), {
      schedules: 200,
      steps: 4,
      seed: 9,
      minutes: undefined,
      store: "file",
    });
    const some = { schedules: 2, steps: 4, seed: 7, minutes: 60, store: "etcd" };
    const words = ["--schedules", "2", "--seed", "7", "--minutes", "60", "--store", "etcd"];
    assert.deepEqual(chaosArguments(words, 9), some);
    assert.throws(
      () => chaosArguments(["--store", "tape"], 9),
      /--store: expected one of file, etcd, found tape/,
    );
    assert.throws(
      () => chaosArguments(["--steps", "many"], 9),
      /--steps: expected a whole number above 0, found many/,
    );
  });

  it("shows what met what", () => {
    const coverage = new Coverage(["a", "bb"], ["one", "three"]);
    coverage.count("bb", "one");
    assert.equal(coverage.text, "       a  bb\none    0   1\nthree  0   0");
  });
});
