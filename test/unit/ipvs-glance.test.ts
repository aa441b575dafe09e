import assert from "node:assert/strict";
import { findService, parseProcfs, parseTable, withoutCounts } from "../../ipvs";

const PROC = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0AC80000:0050 wrr 
  -> 0A640000:0050      Masq    1      0          0         
  -> 0A650000:1F90      Masq    0      12         7         
TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 wrr persistent 60 00000080
  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0050      Route   3      4          1         
`;

describe("a table at a glance", () => {
  it("is the same whatever its connections, and another one with any entry that procfs tells", () => {
    const busier = PROC.replace("12         7 ", "12345      0 ").replace("4          1 ", "0          99");
    assert.deepEqual(
      parseProcfs(busier).map(({ active, inactive }) => [active, inactive]),
      [
        [0, 0],
        [12_345, 0],
        [0, 99],
      ],
    );
    assert.equal(withoutCounts(busier), withoutCounts(PROC));
    for (const [was, is] of [
      ["Masq    0 ", "Masq    2 "],
      ["Route   3 ", "Route   4 "],
      ["Masq    1 ", "Route   1 "],
      ["0A650000", "0A650001"],
      ["0AC80000:0050 wrr", "0AC80000:0050 rr"],
      ["persistent 60", "persistent 90"],
    ] as const) {
      const changed = PROC.replace(was, is);
      assert.notEqual(changed, PROC, was);
      assert.notEqual(withoutCounts(changed), withoutCounts(PROC), was);
    }
  });

  it("a service is found in a small and in a large one, the first of two with one key", () => {
    for (const size of [2, 300]) {
      const lines = Array.from({ length: size }, (_, n) => `-A -t 10.0.${n >> 8}.${n & 255}:80 -s rr`);
      const table = parseTable(lines.join("\n"));
      const [first] = table;
      assert.ok(first);
      const doubled = [...table, { ...first, scheduler: "sh" }];
      assert.equal(findService(doubled, "tcp 10.0.0.0:80"), first);
      assert.equal(findService(doubled, "tcp 10.0.0.1:80"), table[1]);
      assert.equal(findService(doubled, "tcp 10.9.9.9:80"), undefined);
    }
  });
});
