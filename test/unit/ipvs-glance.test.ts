import assert from "node:assert/strict";
import { findService, glanceDelta, parseProcfs, parseTable, serviceKey, withoutCounts } from "../../ipvs";

const PROC = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0AC80000:0050 wrr 
  -> 0A640000:0050      Masq    1      0          0         
  -> 0A650000:1F90      Masq    0      12         7         
TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 wrr persistent 60 00000080
  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0050      Route   3      4          1         
`;

/** What `ipvsadm --save -n` printed of a kernel, and what its procfs held. */
const RULES = `-A -t 10.200.0.0:80 -s wrr
-a -t 10.200.0.0:80 -r 10.100.0.0:80 -m -w 1
-a -t 10.200.0.0:80 -r 10.101.0.0:8080 -m -w 0
-A -u [2001:db8::1]:53 -s rr
-a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -g -w 3
-A -f 171 -s sh
-a -f 171 -r 10.0.0.171:0 -g -w 65535
`;
const LISTED = [
  "TCP 0AC80000:0050 wrr",
  "TCP 0AC80000:0050 -> 0A640000:0050 Masq 1",
  "TCP 0AC80000:0050 -> 0A650000:1F90 Masq 0",
  "UDP [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr",
  "UDP [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0035 Route 3",
  "FWM 000000AB sh",
  "FWM 000000AB -> 0A0000AB:0000 Route 65535",
];

describe("a change at a glance", () => {
  const delta = (before: string, after: string) => {
    const [known, desired] = [parseTable(before), parseTable(after)];
    return glanceDelta(known, desired, new Set([...known, ...desired].map(serviceKey)));
  };

  it("is what comes and what goes, as procfs tells it", () => {
    assert.deepEqual(delta("", RULES), { gone: [], come: LISTED });
    assert.deepEqual(delta(RULES, ""), { gone: LISTED, come: [] });
    assert.deepEqual(delta(RULES, RULES), { gone: [], come: [] });
    const weighed = RULES.replace("-m -w 0", "-m -w 7").replace("-s sh", "-s mh");
    assert.deepEqual(delta(RULES, weighed), {
      gone: [LISTED[2], LISTED[5]],
      come: ["TCP 0AC80000:0050 -> 0A650000:1F90 Masq 7", "FWM 000000AB mh"],
    });
  });

  it("is none where procfs does not tell all of it", () => {
    const persistent = RULES.replace("-s wrr", "-s wrr -p 300");
    assert.equal(delta(RULES, persistent), undefined);
    assert.equal(delta(persistent, RULES.replace("-s wrr", "-s rr")), undefined);
    const tunnelled = RULES.replace("-g -w 3", "-i -w 3 --tun-type gre");
    assert.equal(delta(RULES, tunnelled), undefined);
    assert.equal(
      delta(tunnelled, tunnelled.replace("--tun-type gre", "--tun-type gue --tun-port 5555")),
      undefined,
    );
  });

  it("is told where what procfs hides stays as it is", () => {
    const before = RULES.replace("-s wrr", "-s wrr -p 300").replace("-g -w 3", "-i -w 3 --tun-type gre");
    assert.deepEqual(delta(before, before.replace("-m -w 0", "-m -w 2")), {
      gone: [LISTED[2]],
      come: ["TCP 0AC80000:0050 -> 0A650000:1F90 Masq 2"],
    });
  });

  it("leaves out what is not in its scope", () => {
    const table = parseTable(RULES);
    assert.deepEqual(glanceDelta(table, [], new Set(["fwmark 171"])), { gone: LISTED.slice(5), come: [] });
  });
});

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
