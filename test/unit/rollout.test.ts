import assert from "node:assert/strict";
import { parseLimits } from "../../ipvs";
import type { Sighting } from "../../provider/observe";
import { consequence } from "../../provider/rollout";
import { unlikeDirectors } from "../../provider/sameness";
import { wavesOf } from "../../provider/waves";

describe("waves", () => {
  const five = [1, 2, 3, 4, 5];

  it("are one where nothing is said", () => {
    assert.deepEqual(wavesOf(five), [five]);
    assert.deepEqual(wavesOf([]), []);
  });

  it("begin with the canaries, and go on in the size that was asked for", () => {
    assert.deepEqual(wavesOf(five, { canary: 1 }), [[1], [2, 3, 4, 5]]);
    assert.deepEqual(wavesOf(five, { canary: 2, waveSize: 2 }), [[1, 2], [3, 4], [5]]);
    assert.deepEqual(wavesOf(five, { waveSize: 2 }), [[1, 2], [3, 4], [5]]);
    assert.deepEqual(wavesOf(five, { canary: 9, waveSize: 1 }), [five]);
  });
});

describe("the last line of a change that failed", () => {
  const others = { put: [], rest: [], isAlone: false, uncertain: false };

  it("speaks of the other directors where there are some", () => {
    assert.equal(consequence(others, 0), "Nothing was changed on the others.");
    assert.equal(consequence({ ...others, put: ["d1"] }, 0), "Put back to what they held before: d1.");
    assert.match(consequence({ ...others, isAlone: true }, 0), /^All that were asked have failed/);
    assert.match(consequence({ ...others, isAlone: true, rest: ["d3"] }, 0), /had not begun: d3\.$/);
  });
});

describe("directors that choose other servers although their tables print alike", () => {
  const list = (...servers: string[]) =>
    [
      "IP Virtual Server version 1.2.1 (size=4096)",
      "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn",
      "  -> RemoteAddress:Port",
      "TCP  192.0.2.1:80 mh (mh-fallback,mh-port)",
      ...servers.map(
        (server) => `  -> ${server}:80                  0          0          3          0         `,
      ),
      "",
    ].join("\n");
  const sighting = (director: string, ...servers: string[]) =>
    ({ director, state: { limits: parseLimits(list(...servers)) } }) as unknown as Sighting;
  const KEY = "tcp 192.0.2.1:80";

  it("are those whose kernel got them in another order, for the schedulers that go by it", () => {
    const seen = [
      sighting("d1", "10.0.0.1", "10.0.0.2"),
      sighting("d2", "10.0.0.2", "10.0.0.1"),
      sighting("d3", "10.0.0.1", "10.0.0.2"),
    ];
    assert.deepEqual(unlikeDirectors(KEY, { scheduler: "mh" }, seen), ["d2"]);
    assert.deepEqual(unlikeDirectors(KEY, { scheduler: "sh" }, seen), ["d2"]);
    assert.deepEqual(unlikeDirectors(KEY, { scheduler: "dh" }, seen), ["d2"]);
    assert.deepEqual(unlikeDirectors(KEY, { scheduler: "wrr" }, seen), []);
  });

  it("are not those that lack a server: that is drift", () => {
    const seen = [sighting("d1", "10.0.0.1", "10.0.0.2"), sighting("d2", "10.0.0.2")];
    assert.deepEqual(unlikeDirectors(KEY, { scheduler: "mh" }, seen), []);
  });
});
