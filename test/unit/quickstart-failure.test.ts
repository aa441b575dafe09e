import assert from "node:assert/strict";
import { type FailingLab, showFailure } from "../../examples/quickstart/failure";

const PACE = { patience: 600, well: 20 };
const DIRECTORS = ["d1", "d2"].map((name) => ({ name })) as unknown as FailingLab["inventory"]["directors"];
const SERVERS = [{ name: "rs2", address: "10.20.1.3" }] as unknown as FailingLab["inventory"]["servers"];

/** How directors of a lab fare whose server dies: each is one that does not do its work. */
interface Shape {
  /** Its weight is 0, and requests are sent there nevertheless. */
  readonly failing?: "while it is out" | "once it is back";
  readonly blind?: string;
  /** It has its weight again, and gets no request. */
  readonly idle?: boolean;
}

/** A lab in which each look at its load finds ten more requests. */
function labOf({ failing, blind, idle = false }: Shape = {}): FailingLab {
  let isUp = true;
  let hasDied = false;
  const load = { requests: 0, failed: 0 };
  const turn = () => {
    load.requests += 10;
    const fails = isUp ? hasDied && failing === "once it is back" : failing === "while it is out";
    if (fails) load.failed += 1;
  };
  const report = { servers: {}, errors: { ECONNREFUSED: 1 }, failures: [], durationMs: 1 };
  return {
    inventory: { directors: DIRECTORS, servers: SERVERS },
    fault: {
      stopService: async () => {
        isUp = false;
        hasDied = true;
        load.failed += 3;
      },
      startService: async () => {
        isUp = true;
      },
    },
    startTraffic: async () => ({
      progress: async () => {
        turn();
        return { ...load };
      },
      stop: async () => {
        turn();
        return { ...report, ...load, latencyMs: { p50: 1, p95: 1, p99: 1, max: 1 } };
      },
    }),
    exec: async (director) => {
      const weight = isUp || director === blind ? 1 : 0;
      return { code: 0, stdout: `-a -t 192.0.2.10:80 -r 10.20.1.3:80 -m -w ${weight}\n`, stderr: "" };
    },
    resetCounts: async () => undefined,
    serverCounts: async () => ({ rs2: { http: isUp && !idle ? 5 : 0 } }),
  };
}

describe("what the quickstart says of a server that dies", () => {
  const printed: string[] = [];
  const { log } = console;
  beforeEach(() => {
    printed.length = 0;
    console.log = (text: string) => void printed.push(text);
  });
  afterEach(() => {
    console.log = log;
  });
  const last = () => printed.at(-1) ?? "";

  it("is good where requests fail until it is out, and no longer, and it serves again", async () => {
    assert.equal(await showFailure(labOf(), "rs2", PACE), true);
    assert.match(last(), /\d+ requests meanwhile, 3 of them failed \(ECONNREFUSED\): .*, and none after$/);
  });

  for (const failing of ["while it is out", "once it is back"] as const)
    it(`is bad where requests fail ${failing}`, async () => {
      assert.equal(await showFailure(labOf({ failing }), "rs2", PACE), false);
      assert.match(last(), /MORE THAN THOSE that met rs2/);
    });

  it("is bad where it gets no request again", async () => {
    assert.equal(await showFailure(labOf({ idle: true }), "rs2", PACE), false);
    assert.equal(last(), "  rs2 HAS ANSWERED NONE since it is back");
  });

  it("is an error where a director does not notice", async () => {
    await assert.rejects(
      showFailure(labOf({ blind: "d2" }), "rs2", PACE),
      /^Error: d2 did not notice that rs2 refuses connections within 0\.6 s$/,
    );
  });
});
