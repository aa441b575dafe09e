import assert from "node:assert/strict";
import * as fc from "fast-check";
import { judge, type Probe, probeKey, type ServerHealth } from "../../health";
import { settings } from "./health-server";
import { always } from "./property";

const NEW: ServerHealth = { healthy: false, streak: 0, since: 5, answer: "not checked", at: 0 };

/** What is known after these results, one a millisecond. */
function knownAfter(
  results: readonly boolean[],
  limits: { rise: number; fall: number },
  before = NEW,
): ServerHealth[] {
  const known = [before];
  let last = before;
  for (const [index, healthy] of results.entries()) {
    last = judge(last, { healthy, answer: healthy ? "yes" : "no" }, limits, 100 + index);
    known.push(last);
  }
  return known;
}

describe("judging a server", () => {
  const cases: [string, string, { rise: number; fall: number }, string][] = [
    // Results and verdicts: + healthy, - not; the first verdict is what was known before.
    ["rises", "+++", { rise: 3, fall: 2 }, "---+"],
    ["does not rise in two goes", "++-+++", { rise: 3, fall: 2 }, "------+"],
    ["falls", "++--", { rise: 1, fall: 2 }, "-+++-"],
    ["failures that are far between (loxilb 1087)", "+-+-+-+-+-", { rise: 1, fall: 2 }, "-++++++++++"],
    ["changes its mind each time when it is told to", "+-+-", { rise: 1, fall: 1 }, "-+-+-"],
  ];
  for (const [what, results, limits, verdicts] of cases) {
    it(what, () => {
      const known = knownAfter(
        [...results].map((sign) => sign === "+"),
        limits,
      );
      assert.equal(known.map(({ healthy }) => (healthy ? "+" : "-")).join(""), verdicts);
    });
  }

  it("says since when, what was last said and how far it is from changing its mind", () => {
    const [, first, second, third] = knownAfter([true, true, false], { rise: 2, fall: 2 });
    assert.deepEqual(first, { healthy: false, streak: 1, since: 5, answer: "yes", at: 100 });
    assert.deepEqual(second, { healthy: true, streak: 0, since: 101, answer: "yes", at: 101 });
    assert.deepEqual(third, { healthy: true, streak: 1, since: 101, answer: "no", at: 102 });
  });

  it("learns nothing from a check that could not be made", () => {
    const [, , before] = knownAfter([true, false], { rise: 1, fall: 2 });
    assert.ok(before);
    const lacking = { healthy: false, answer: "cannot connect: EMFILE", inconclusive: true } as const;
    const known = judge(before, lacking, { rise: 1, fall: 2 }, 200);
    assert.deepEqual(known, { ...before, answer: "cannot connect: EMFILE", at: 200 });
  });

  // loxilb#1087: failures that did not follow each other made servers flap.
  it("changes its mind exactly when the last `rise` or `fall` results all contradict it", () =>
    always(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 60 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        (results, rise, fall, healthy) => {
          const known = knownAfter(results, { rise, fall }, { ...NEW, healthy });
          let begin = 0;
          for (const [index, now] of known.slice(1).entries()) {
            const before = known[index];
            const needed = before?.healthy ? fall : rise;
            // Results that an earlier change of mind rests on say nothing more.
            const last = results.slice(Math.max(begin, index + 1 - needed), index + 1);
            const flips = last.length === needed && last.every((result) => result !== before?.healthy);
            assert.equal(now.healthy !== before?.healthy, flips, `at result ${index}`);
            if (flips) begin = index + 1;
          }
        },
      ),
    ));
});

describe("the key of a probe", () => {
  const probe = (check: object, port = 80): Probe => ({
    check: settings(check),
    target: { address: "10.20.1.1", port },
  });
  const http = { type: "http", path: "/live", headers: { a: "1", b: "2" } };
  const mysql = { type: "mysql", user: "heye", password: "s3cret" };

  it("is the same for the same question to the same server, however it is written", () => {
    const key = probeKey(probe(http));
    assert.match(key, /^http 10\.20\.1\.1:80 [\w-]{22}$/);
    assert.equal(probeKey(probe({ headers: { b: "2", a: "1" }, path: "/live", type: "http" })), key);
    assert.equal(probeKey(probe({ ...http, deadlineMs: 9, rise: 2, forwardingCheck: false })), key);
    assert.equal(probeKey(probe({ ...http, port: 80 }, 8080)), key);
    assert.equal(probeKey(probe({ ...http, address: "10.20.1.1", warmupMs: 7 })), key);
  });

  it("is another one for each other question, server and pace", () => {
    const keys = [
      probe(http),
      probe(http, 81),
      probe({ ...http, port: 81, path: "/" }),
      probe({ ...http, path: "/dead" }),
      probe({ ...http, headers: { a: "1" } }),
      probe({ ...http, expectedStatuses: [200] }),
      probe({ ...http, intervalMs: 7 }),
      probe({ ...http, timeoutMs: 7 }),
      probe({ ...http, rise: 7 }),
      probe({ ...http, fall: 7 }),
      probe({ ...http, retryMs: 7 }),
      probe({ ...http, address: "10.20.1.9" }),
      probe({ ...http, sourceAddress: "10.20.1.9" }),
      probe({ type: "tcp" }),
      probe(mysql),
      probe({ ...mysql, password: "other" }),
    ].map(probeKey);
    assert.equal(new Set(keys).size, keys.length, keys.join("\n"));
  });

  it("tells no secret", () => assert.doesNotMatch(probeKey(probe(mysql)), /s3cret|heye/));
});
