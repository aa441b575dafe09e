import assert from "node:assert/strict";
import { linkEnds } from "../../lab/batches";
import { faultLine } from "../../lab/commands/describe";
import { LabInputError } from "../../lab/errors";
import { NETWORKS, netemWords, wholeImpairment } from "../../lab/impairment";
import { nodeNames, topology } from "../../lab/topology";
import { type ActiveFault, FaultList } from "../../lab/world/fault-list";

const SITE = topology({ directors: 2, servers: 1, database: true });

describe("lab: impairments", () => {
  it("are words of netem, with what was left out left out", () => {
    const words = (how: Parameters<typeof wholeImpairment>[0]): string => netemWords(wholeImpairment(how));
    assert.equal(words({ delayMs: 20 }), "netem limit 100000 delay 20000us");
    assert.equal(
      words({ delayMs: 1.5, jitterMs: 0.5, lossPercent: 0.1 }),
      "netem limit 100000 delay 1500us 500us loss 0.1%",
    );
    assert.equal(words({ lossPercent: 100 }), "netem limit 100000 loss 100%");
  });

  for (const [field, how] of [
    ["delayMs", { delayMs: -1 }],
    ["delayMs", { delayMs: 60_001 }],
    ["jitterMs", { delayMs: 5, jitterMs: 6 }],
    ["lossPercent", { lossPercent: 101 }],
    ["lossPercent", { lossPercent: Number.NaN }],
    ["delayMs, lossPercent", {}],
  ] as const)
    it(`refuses ${JSON.stringify(how)} and names ${field}`, () => {
      assert.throws(
        () => wholeImpairment(how),
        (error) => error instanceof LabInputError && error.message.startsWith(`${field}: `),
      );
    });

  it("are put on both ends of a link, where there is one", () => {
    const networks = (node: string): string[] => NETWORKS.filter((network) => linkEnds(SITE, node, network));
    const there = Object.fromEntries(nodeNames(SITE).map((node) => [node, networks(node).join(" ")]));
    const director = "management front back";
    assert.deepEqual(there, {
      ...{ d1: director, d2: director, rs1: "back", db1: "back", tcp1: "back" },
      ...{ client: "client", router: "front back", switch: "" },
    });
    assert.deepEqual(linkEnds(SITE, "d2", "management"), [
      { node: "d2", name: "ethm" },
      { node: "switch", name: "m-d2" },
    ]);
  });
});

describe("lab: the list of faults", () => {
  const FAULTS: readonly ActiveFault[] = [
    { kind: "kill-director", node: "d1", withdrawn: false },
    { kind: "reboot-director", node: "d2" },
    { kind: "kill-server", node: "rs1" },
    { kind: "stop-service", node: "rs1", service: "http" },
    { kind: "set-health", node: "rs1", status: 503 },
    { kind: "hang-ssh", node: "d2", stage: "banner" },
    { kind: "impair-network", node: "d1", network: "back", delayMs: 20, jitterMs: 1, lossPercent: 2 },
  ];

  it("keeps each fault once, until what it acts on is mended", () => {
    const list = new FaultList();
    for (const fault of [...FAULTS, ...FAULTS]) list.add(fault);
    list.add({ kind: "stop-service", node: "rs1", service: "tcp" });
    assert.equal(list.all.length, FAULTS.length + 1);
    assert.equal(list.remove({ kind: "stop-service", node: "rs1", service: "http" }), true);
    assert.equal(list.remove({ kind: "stop-service", node: "rs1", service: "http" }), false);
    assert.deepEqual(list.of("stop-service"), [{ kind: "stop-service", node: "rs1", service: "tcp" }]);
    list.add({ kind: "hang-ssh", node: "d2", stage: "command" });
    assert.deepEqual(list.of("hang-ssh"), [{ kind: "hang-ssh", node: "d2", stage: "command" }]);
  });

  it("is shown as the commands that make and end them", () => {
    assert.deepEqual(FAULTS.map(faultLine), [
      "kill-director d1 --no-withdraw   (ends with: restore-director d1)",
      "reboot-director d2 --no-announce   (ends with: restore-director d2)",
      "kill-server rs1   (ends with: restore-server rs1)",
      "stop-service rs1 http   (ends with: start-service rs1 http)",
      "set-health rs1 503   (ends with: set-health rs1 200)",
      "hang-ssh d2 banner   (ends with: restore-ssh d2)",
      "impair-network d1 back --delay 20 --jitter 1 --loss 2   (ends with: restore-network d1 back)",
    ]);
  });
});
