import assert from "node:assert/strict";
import type { TrafficReport } from "../../lab";
import { disagreement } from "../chaos/agreement";
import { mayHold } from "../chaos/api-writers";
import { chaosArguments } from "../chaos/arguments";
import type { ChaosCluster } from "../chaos/cluster";
import { Coverage } from "../chaos/coverage";
import { crashPointsOf } from "../chaos/crash-points";
import { strike } from "../chaos/faults";
import { boundOf, lostUntil, mayRefuse, standstills, unexcused } from "../chaos/judge";
import { wantedOf } from "../chaos/operations";
import { LAB_PLANTS } from "../chaos/plants";
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
import { isSum } from "../chaos/service-writers";
import { variantText } from "../chaos/variant-text";
import { PLANTS } from "./agent-plants";

const STEP: Step = {
  operation: "nothing",
  fault: "none",
  afterMs: 0,
  director: 0,
  server: 0,
  weights: [4, 5, 6],
  point: "batch made",
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

  it("name the point at which an agent is killed, where one is", () => {
    const step = { ...STEP, fault: "killed at a point", point: "journal torn" } as const;
    assert.match(stepText(step), /after killed at a point \(journal torn\), d1/);
    const points = (store: "file" | "etcd") =>
      new Set(
        Array.from({ length: 60 }, (_, seed) => schedule(seed, 20, store))
          .flat()
          .map((one) => one.point),
      );
    assert.deepEqual([...points("file")].sort(), [...crashPointsOf("file")].sort());
    assert.deepEqual([...points("etcd")].sort(), [...crashPointsOf("etcd")].sort());
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
    const harmful = ETCD_FAULTS.filter((fault) => boundOf(fault) > 0);
    assert.deepEqual(harmful, ["old table"], "it is cut off from its servers too");
    assert.deepEqual(
      ETCD_FAULTS.filter((fault) => !mayRefuse(fault)),
      ["etcd member stopped", "etcd member cut off", "etcd member replaced", "API writers"],
    );
  });

  it("lets nothing be lost by what an agent's death, its disk, its clock or another writer does", () => {
    const harmless = FAULTS.filter((fault) => boundOf(fault) === 0);
    assert.deepEqual(harmless, [
      ...["none", "kill agent", "kill agent again and again", "killed at a point", "disk full"],
      ...["clock forward", "clock back", "two writers", "two writers of one service", "second agent"],
    ]);
  });

  it("gives agents that are started again as long as others, from when they are there", () => {
    const until = (operation: "weights" | "restart agents", operatedMs: number) =>
      lostUntil({ fault: "all dead", operation }, { overMs: 1_000, operatedMs });
    const bound = boundOf("all dead");
    assert.deepEqual(
      [until("weights", 500), until("weights", 9_000), until("restart agents", 500)],
      [1_000 + bound, 1_000 + bound, 1_000 + bound],
    );
    assert.equal(until("restart agents", 9_000), 9_000 + bound);
    const at = { overMs: 1_000, operatedMs: 9_000 };
    assert.equal(lostUntil({ fault: "kill agent", operation: "restart agents" }, at), undefined);
  });
});

describe("what was declared in chaos", () => {
  it("of several who each add 1 to a weight is the sum of what was accepted, and maybe of what was not answered", () => {
    const told = { accepted: 5, unknown: 2, overtaken: 9 };
    assert.deepEqual(
      [5, 6, 8, 9].map((weight) => isSum(weight, told)),
      [false, true, true, false],
    );
  });

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

describe("a variant of the agent that is put on labs", () => {
  it("is what is shipped, but for its parts", async () => {
    const text = await variantText();
    assert.match(text, /^\/\/ heye-agent \S+, a variant for tests\n/);
    for (const part of ["HEYE_CHAOS_PLANT", "chaos-point", "chaos-unsynced"])
      assert.ok(text.includes(part), part);
  });

  it("makes each mistake that agents on the model of the kernel make", () => {
    assert.deepEqual(LAB_PLANTS.map(({ mistake }) => mistake).sort(), Object.keys(PLANTS).sort());
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
      instead: undefined,
    });
    const some = { schedules: 2, steps: 4, seed: 7, minutes: 60, store: "etcd", instead: undefined };
    const words = ["--schedules", "2", "--seed", "7", "--minutes", "60", "--store", "etcd"];
    assert.deepEqual(chaosArguments(words, 9), some);
    assert.equal(chaosArguments(["--points", "--store", "etcd"], 9).instead, "points");
    assert.throws(() => chaosArguments(["--plants", "--store", "etcd"], 9), /--plants: expected no --store/);
    assert.throws(
      () => chaosArguments(["--store", "tape"], 9),
      /--store: expected one of file, etcd, found tape/,
    );
    assert.throws(
      () => chaosArguments(["--steps", "many"], 9),
      /--steps: expected a whole number above 0, found many/,
    );
  });

  it("says of a clock that it cannot be moved where it would be this machine's", async () => {
    const on = () => assert.fail("something was done");
    const chaos = { site: { on, lab: { inventory: { mode: "namespaces" } } } } as unknown as ChaosCluster;
    for (const fault of ["clock forward", "clock back"] as const)
      assert.equal(await (await strike(chaos, { ...STEP, fault })).isMade?.(), false);
  });

  it("shows what met what", () => {
    const coverage = new Coverage(["a", "bb"], ["one", "three"]);
    coverage.count("bb", "one");
    assert.equal(coverage.text, "       a  bb\none    0   1\nthree  0   0");
    coverage.miss("three");
    assert.match(coverage.text, /three {2}0 {3}0\nnot counted, it could not be made: three, 1 times$/);
  });
});
