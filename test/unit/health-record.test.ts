import assert from "node:assert/strict";
import { readHealthRecord } from "../../agent/health-record";

const down = { "tcp 10.0.0.1:80": { healthy: false, streak: 0, since: 1, answer: "refused", at: 1 } };
const drain = {
  service: "tcp 192.0.2.1:80",
  server: "10.0.0.2:80",
  startedAt: 1,
  elapsedMs: 1,
  by: "change",
};
const read = (record: object) => readHealthRecord(JSON.stringify(record));

describe("what an agent has written down of health", () => {
  it("is read part by part: drains of a later version say nothing about who is down", () => {
    const later = { ...drain, by: "a reason of tomorrow" };
    assert.deepEqual(read({ down, lost: ["tcp 192.0.2.1:80"], drains: [later, drain] }), {
      down,
      lost: ["tcp 192.0.2.1:80"],
      drains: [drain],
    });
    assert.deepEqual(read({ down, lost: 1 }), { down, lost: [], drains: [] });
  });

  it("says nothing where it is none", () => {
    for (const text of ["", "{", "1", "[]"]) assert.equal(readHealthRecord(text), undefined, text);
  });
});
