import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type ResourceKind, UNKNOWN } from "../../provider";
import { damaged } from "./damage";
import { GOOD, type Inputs, PLANTED } from "./inputs";
import { ProviderProcess, type Refusal } from "./process";

const KINDS = ["VirtualServer", "RealServer", "Cluster"] as const;
/** Inputs altogether; one of each kind goes at a time. */
const INPUTS = 10_000;

describe("random inputs through the provider process", function () {
  this.timeout(600_000);
  const seed = Number(process.env.HEYE_SEED ?? Date.now() % 2 ** 31);
  let provider: ProviderProcess;
  before(async () => {
    console.log(`    seed ${seed}: HEYE_SEED=${seed} runs the same inputs again`);
    provider = await ProviderProcess.start();
  });
  after(() => provider?.stop());

  const forAll = (of: (kind: ResourceKind) => fc.Arbitrary<Inputs>, numRuns: number, prove: Proof) =>
    fc.assert(
      fc.asyncProperty(fc.tuple(of("VirtualServer"), of("RealServer"), of("Cluster")), async (inputs) => {
        await Promise.all(KINDS.map((kind, index) => prove(kind, inputs[index] ?? {})));
      }),
      { seed, numRuns },
    );

  it(`${INPUTS} of them: each is accepted, or told by path and reason what is wrong with it`, async () => {
    const verdicts = { accepted: 0, refused: 0 };
    await forAll(
      (kind) => damaged(GOOD[kind], [UNKNOWN]),
      Math.ceil(INPUTS / KINDS.length),
      async (kind, given) => {
        const { inputs, failures } = await provider.check(kind, given);
        verdicts[failures.length === 0 ? "accepted" : "refused"] += 1;
        for (const { property, reason } of failures) {
          assert.equal(property, "", "the engine would show its value");
          assert.match(reason, /^(?!expected |no such ).+?: (expected .|no such property; expected .)/s);
          assert.doesNotMatch(reason, /\[object|undefined|NaN|Invalid input/);
          assert.doesNotMatch(reason, new RegExp(PLANTED));
        }
        if (failures.length > 0) return;
        const again = await provider.check(kind, inputs);
        assert.deepEqual(again.failures, []);
        assert.deepEqual(again.inputs, inputs);
        assert.deepEqual(await provider.diff(kind, "x", inputs, again.inputs), {
          changes: "none",
          replaces: [],
        });
      },
    );
    assert.doesNotMatch(provider.output, new RegExp(PLANTED));
    assert.doesNotMatch(provider.output, /\.[jt]s:\d/);
    const { accepted, refused } = verdicts;
    assert.ok(accepted > INPUTS / 10 && refused > INPUTS / 10, `${accepted} accepted, ${refused} refused`);
  });

  it("two of them: a difference, and a replacement when it is another place", async () => {
    const pairs = fc
      .tuple(fc.constantFrom(...KINDS))
      .chain(([kind]) => fc.tuple(fc.constant(kind), GOOD[kind], damaged(GOOD[kind], [UNKNOWN])));
    await fc.assert(
      fc.asyncProperty(pairs, async ([kind, one, other]) => {
        const [before, after] = await Promise.all([provider.check(kind, one), provider.check(kind, other)]);
        assert.deepEqual(before.failures, []);
        if (after.failures.length > 0) return;
        const { changes, replaces } = await provider.diff(kind, "x", before.inputs, after.inputs);
        const moved = IDENTITY[kind].filter((key) => !same(before.inputs[key], after.inputs[key]));
        assert.deepEqual(replaces.filter((key) => key !== "cluster").sort(), [...moved].sort());
        if (moved.length > 0) assert.equal(changes, "some");
      }),
      { seed, numRuns: 500 },
    );
  });

  it("states of old, without what came later, are taken as they are", async () => {
    for (const kind of ["VirtualServer", "RealServer"] as const) {
      await fc.assert(
        fc.asyncProperty(GOOD[kind], async (given) => {
          const { inputs } = await provider.check(kind, given);
          const old = withoutNews(inputs) as Inputs;
          assert.deepEqual(
            (await provider.diff(kind, "x", { ...old, schemaVersion: 1 }, inputs)).replaces,
            [],
          );
          // Nobody listens there: that is what stops it, and nothing before.
          const calls = [
            provider.delete(kind, "x", old),
            provider.read(kind, "x", old),
            provider.update(kind, "x", old, inputs),
          ];
          for (const outcome of await Promise.allSettled(calls)) {
            assert.equal(outcome.status, "rejected");
            assert.match((outcome.reason as Refusal).message, /director lb1: /);
          }
        }),
        { seed, numRuns: 20 },
      );
    }
    assert.doesNotMatch(provider.output, new RegExp(PLANTED));
  });
});

type Proof = (kind: ResourceKind, inputs: Inputs) => Promise<void>;

const IDENTITY: Readonly<Record<ResourceKind, readonly string[]>> = {
  VirtualServer: ["protocol", "address", "port", "fwmark", "family"],
  RealServer: ["virtualServer", "address", "port"],
  Cluster: [],
};

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the first version did not write. */
const NEWS = new Set([
  "drainMs",
  "adopt",
  "tunnel",
  "upperThreshold",
  "lowerThreshold",
  "schedulerFlags",
  "persistence",
  "onePacket",
  "quorum",
  "sorryServer",
  "token",
  "forwardingCheck",
]);

function withoutNews(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNews);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (NEWS.has(key) ? [] : [[key, withoutNews(inner)]])),
  );
}
