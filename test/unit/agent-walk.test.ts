import assert from "node:assert/strict";
import { Random } from "../pulumi/random";
import { PLANTS } from "./agent-plants";
import { WalkError, walk } from "./agent-walk";
import { DISASTERS, OPERATIONS, walkSchedule } from "./agent-walk-schedule";

/** HEYE_WALKS makes more of them: what a night is good for. */
const WALKS = Number(process.env.HEYE_WALKS ?? 12);
const STEPS = 40;
/** A mistake that is not found in so many walks is not looked for. */
const TRIES = 60;

const { seed } = new Random();

describe(`an agent on random walks through operations and disasters (HEYE_SEED=${seed})`, () => {
  it("makes the same steps of the same seed", () => {
    assert.deepEqual(walkSchedule(7, 50), walkSchedule(7, 50));
    assert.notDeepEqual(walkSchedule(7, 50), walkSchedule(8, 50));
  });

  it("keeps its word at every edit, and holds what is declared after every step", async () => {
    const met = new Map<string, number>();
    for (let index = 0; index < WALKS; index++)
      await walk(seed + index, STEPS, {}, ({ operation, disaster }) => {
        const pair = `${operation} ${disaster}`;
        met.set(pair, (met.get(pair) ?? 0) + 1);
      });
    console.log(coverage(met));
  }).timeout(WALKS * 10_000);

  for (const [mistake, plant] of Object.entries(PLANTS)) {
    it(`finds one that ${mistake}`, async () => {
      for (let index = 0; index < TRIES; index++) {
        const error: unknown = await walk(seed + index, STEPS, plant()).catch((thrown: unknown) => thrown);
        if (error === undefined) continue;
        assert.ok(error instanceof WalkError, String(error));
        console.log(`      walk ${index + 1}: ${error.message.split("\n")[0]}`);
        return;
      }
      assert.fail(`not found in ${TRIES} walks of ${STEPS} steps`);
    }).timeout(TRIES * 10_000);
  }
});

/** How often each operation met each disaster. */
function coverage(met: ReadonlyMap<string, number>): string {
  const rows = DISASTERS.map((disaster) =>
    OPERATIONS.map((operation) => String(met.get(`${operation} ${disaster}`) ?? 0).padStart(8)).join(""),
  );
  const head = OPERATIONS.map((operation) => operation.padStart(8)).join("");
  const lines = rows.map((row, index) => `      ${(DISASTERS[index] ?? "").padEnd(17)}${row}`);
  return [`      ${" ".repeat(17)}${head}`, ...lines].join("\n");
}
