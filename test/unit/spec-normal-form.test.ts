import assert from "node:assert/strict";
import * as fc from "fast-check";
import { handlerFor, type ResourceKind, UNKNOWN } from "../../provider";
import { formatPath } from "../../spec";
import { damaged, replacing } from "../provider/damage";
import { GOOD, type Inputs } from "../provider/inputs";
import { always } from "./property";

const KINDS = ["VirtualServer", "RealServer", "Cluster"] as const;
const RUNS = { numRuns: 500 };

const check = (kind: ResourceKind, inputs: Inputs) => {
  const { inputs: normal, problems, warnings } = handlerFor(kind).check(inputs);
  return { normal: JSON.parse(JSON.stringify(normal)) as Inputs, problems, warnings };
};

for (const kind of KINDS) {
  describe(`the normal form of a ${kind}`, () => {
    it("is made of everything that is right", () => {
      always(
        fc.property(GOOD[kind], (inputs) => assert.deepEqual(check(kind, inputs).problems, [])),
        RUNS,
      );
    });

    it("is its own normal form", () => {
      always(
        fc.property(damaged(GOOD[kind], [UNKNOWN]), (inputs) => {
          const { normal, problems } = check(kind, inputs);
          if (problems.length > 0) return;
          const again = check(kind, normal);
          assert.deepEqual(again.problems, []);
          assert.deepEqual(again.normal, normal);
        }),
        RUNS,
      );
    });

    it("has no problem with what is not known yet, wherever it stands", () => {
      always(
        fc.property(replacing(GOOD[kind], UNKNOWN), (inputs) => {
          const { problems } = check(kind, inputs);
          for (const { path } of problems)
            assert.notEqual(at(inputs, path), UNKNOWN, `${formatPath(path)} is not known yet`);
        }),
        RUNS,
      );
    });

    it("does not show in which order and how things were written", () => {
      always(
        fc.property(GOOD[kind], (inputs) => {
          const [one, other] = [check(kind, inputs).normal, check(kind, respelt(inputs) as Inputs).normal];
          const { changes, replaces } = handlerFor(kind).diff(one, other);
          assert.deepEqual({ changes, replaces }, { changes: false, replaces: [] });
        }),
        RUNS,
      );
    });

    it("or says of any input what is wrong with it", () => {
      always(
        fc.property(damaged(GOOD[kind], [UNKNOWN]), (inputs) => {
          for (const { path, reason } of check(kind, inputs).problems) {
            assert.notEqual(path.length, 0, reason);
            assert.match(reason, /^(expected|no such property)/);
          }
        }),
        RUNS,
      );
    });
  });
}

/** The same in other words: lists that have no order backwards, addresses in capitals, masks as prefixes. */
function respelt(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) {
    const all = value.map((one) => respelt(one, key));
    return UNORDERED.has(key) ? all.reverse() : all;
  }
  if (typeof value === "string") return key === "address" ? value.toUpperCase() : value;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) =>
    name === "netmask" ? ["prefixLength", PREFIXES.get(String(inner))] : [name, respelt(inner, name)],
  );
  return Object.fromEntries(entries.reverse());
}

/** Credentials stand in the order of the directors. */
const UNORDERED = new Set(["realServers", "schedulerFlags", "expectedStatuses", "directors"]);
const PREFIXES = new Map([
  ["255.255.255.0", 24],
  ["255.255.255.255", 32],
]);

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key],
    value,
  );
}
