import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argumentsOf } from "../../bench/arguments";
import { BenchError } from "../../bench/bench";
import { rulesOf, servicesOf } from "../../bench/plan";
import { type Measurement, median, mergeRecords, recordOf } from "../../bench/record";
import { CountingRelay } from "../../bench/relay";
import { figure, report } from "../../bench/report";
import { saveRecords } from "../../bench/results";
import { interleaved } from "../../bench/rounds";
import { parseTable } from "../../ipvs";

const HERE = { at: "2026-01-01T00:00:00Z", commit: "abc", machine: "a machine", quick: false };
const MEASURED: Measurement = {
  name: "up/elapsed",
  unit: "s",
  against: "a peer",
  ours: [3, 1, 2],
  peer: [4, 8, 4],
  aim: 0.5,
};

describe("records of benches", () => {
  it("the median is the middle one, or the mean of both middle ones", () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([1, 10, 2, 4]), 3);
    assert.throws(() => median([]), RangeError);
  });

  it("a record holds medians, their ratio, the spread, and whether the aim is met", () => {
    const record = recordOf(MEASURED, HERE);
    assert.deepEqual(record, {
      name: "up/elapsed",
      unit: "s",
      ours: 2,
      peer: 4,
      ratio: 0.5,
      aim: 0.5,
      met: true,
      resolution: null,
      against: "a peer",
      spread: { ours: { rounds: 3, min: 1, max: 3 }, peer: { rounds: 3, min: 4, max: 8 } },
      ...HERE,
    });
    assert.equal(recordOf({ ...MEASURED, ours: [2.1] }, HERE).met, false);
  });

  it("a difference that cannot be told is none", () => {
    const told = (ours: number) => recordOf({ ...MEASURED, ours: [ours], aim: 1, resolution: 0.5 }, HERE);
    assert.deepEqual([told(4.5).met, told(4.6).met], [true, false]);
    assert.deepEqual([told(4.5).ratio, told(4.5).resolution], [1.125, 0.5]);
    // None at all is none at all.
    assert.equal(recordOf({ ...MEASURED, ours: [0, 0.1], aim: 0, resolution: 0.5 }, HERE).met, false);
  });

  it("without a peer, or with one that is 0, there is no ratio and nothing is met or missed", () => {
    for (const peer of [[], [0, 0]]) {
      const { ratio, met, peer: found } = recordOf({ ...MEASURED, peer }, HERE);
      assert.deepEqual([ratio, met, found], [null, null, peer.length === 0 ? null : 0]);
    }
    const { aim: _, ...withoutAim } = MEASURED;
    const { ratio, aim, met } = recordOf(withoutAim, HERE);
    assert.deepEqual([ratio, aim, met], [0.5, null, null]);
  });

  it("records of a bench replace all earlier ones of that bench, and no others", () => {
    const named = (name: string) => recordOf({ ...MEASURED, name }, HERE);
    const merged = mergeRecords(
      [named("up/gone"), named("up-more/elapsed")],
      [named("up/elapsed"), named("a/b")],
    );
    assert.deepEqual(
      merged.map(({ name }) => name),
      ["a/b", "up-more/elapsed", "up/elapsed"],
    );
  });

  it("the file is an array of records, and keeps those of other benches", async () => {
    const folder = await mkdtemp(join(tmpdir(), "heye-bench-"));
    try {
      const file = join(folder, "new", "latest.json");
      await saveRecords(file, [recordOf(MEASURED, HERE)]);
      await saveRecords(file, [recordOf({ ...MEASURED, name: "b/c" }, HERE)]);
      const records = JSON.parse(await readFile(file, "utf8"));
      assert.deepEqual(
        records.map(({ name, met }: { name: string; met: boolean }) => [name, met]),
        [
          ["b/c", true],
          ["up/elapsed", true],
        ],
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("the table says what was missed", () => {
    const missed = recordOf({ ...MEASURED, ours: [1234.5], peer: [0.12345] }, HERE);
    assert.deepEqual(
      report([recordOf(MEASURED, HERE), missed])
        .split("\n")
        .map((line) => line.trim().split(/ {2,}/)),
      [
        ["unit", "ours", "peer", "ratio", "aim", "met", "against"],
        ["----------", "----", "----", "-----", "-----", "---", "---", "-------"],
        ["up/elapsed", "s", "2", "4", "0.5", "0.5", "yes", "a peer"],
        ["up/elapsed", "s", "1235", "0.123", "10000", "0.5", "NO", "a peer"],
      ],
    );
    assert.equal(figure(null), "-");
    assert.equal(figure(0.001), "0.001");
  });
});

describe("running benches", () => {
  it("contestants take turns, round by round", async () => {
    const turns: string[] = [];
    const take = (who: string) => async (round: number) => turns.push(`${who}${round}`);
    assert.deepEqual(await interleaved(2, { ours: take("o"), peer: take("p") }), {
      ours: [1, 3],
      peer: [2, 4],
    });
    assert.deepEqual(turns, ["o0", "p0", "o1", "p1"]);
  });

  it("a command line names benches that exist and a number of rounds", () => {
    const known = ["a", "b"];
    const parsed = argumentsOf(["b", "--rounds", "5"], known);
    assert.deepEqual(parsed, { names: ["b"], rounds: 5, quick: false, list: false, out: undefined });
    assert.equal(argumentsOf([], known).rounds, 3);
    assert.equal(argumentsOf(["--quick"], known).rounds, 1);
    for (const wrong of [["c"], ["--rounds", "0"], ["--rounds", "x"], ["--fast"]])
      assert.throws(() => argumentsOf(wrong, known), BenchError, wrong.join(" "));
  });

  it("a plan's rules are what its services say, each address once", () => {
    const plan = { virtualServers: 300, servers: 3 };
    const services = parseTable(`${rulesOf(plan).join("\n")}\n`);
    const members = servicesOf(plan).flatMap((service) => service.members.map(({ address }) => address));
    assert.equal(services.length, 300);
    assert.equal(new Set(members).size, 900);
  });

  it("a relay counts connections, bytes and turns since it was last asked", async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    const relay = await CountingRelay.before((echo.address() as AddressInfo).port);
    try {
      const client = connect(relay.port, "127.0.0.1");
      for (const text of ["12345", "678"]) {
        client.write(text);
        assert.equal(String((await once(client, "data"))[0]), text);
      }
      client.end();
      await once(client, "close");
      assert.deepEqual(relay.take(), { connections: 1, bytesSent: 8, bytesReceived: 8, turns: 2 });
      assert.deepEqual(relay.take(), { connections: 0, bytesSent: 0, bytesReceived: 0, turns: 0 });
    } finally {
      await relay.close();
      echo.close();
    }
  });
});
