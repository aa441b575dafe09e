import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { join } from "node:path";
import * as fc from "fast-check";
import { changeOrder, checkOrder } from "../../agent/orders";
import { RequestProblem } from "../../agent/server";
import { AGENT_PROTOCOL, PROTOCOL_HEADER } from "../../director/data";
import { AgentSite, QUICK } from "./agent-site";
import { always, fuzzRuns } from "./property";

const RUNS = fuzzRuns(2_000);
const FOREIGN = "-A -t 192.0.2.99:80 -s lblc";

const order = {
  expect: { registry: "-", table: "-" },
  predict: { registry: "-", table: "-" },
  registry: ['+owner me-1\t{"label":"l"}'],
  scope: ["tcp 192.0.2.1:80"],
  desired: [
    {
      ...{ protocol: "tcp", address: "192.0.2.1", port: 80, scheduler: "rr", extra: "" },
      destinations: [{ address: "10.0.0.1", port: 80, method: "nat", weight: 1, extra: "" }],
    },
  ],
};

/** The value with one place of it, at any depth, replaced, taken out or doubled. */
function damaged(value: unknown): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.nat(), fc.jsonValue(), fc.constantFrom("put", "drop", "double"))
    .map(([at, other, how]) => {
      const copy = structuredClone(value);
      const places: [Record<string, unknown>, string][] = [];
      const walk = (one: unknown) => {
        if (typeof one !== "object" || one === null) return;
        for (const [key, inner] of Object.entries(one)) {
          places.push([one as Record<string, unknown>, key]);
          walk(inner);
        }
      };
      walk(copy);
      const [holder, key] = places[at % places.length] ?? [{}, ""];
      if (how === "drop") delete holder[key];
      else holder[key] = how === "put" ? other : [holder[key], holder[key]];
      return copy;
    });
}

/** What a reader makes of a body: the order, or a problem that says what is wrong; nothing else may come of it. */
function outcomeOf(read: (body: unknown) => unknown, body: unknown): string {
  try {
    read(body);
    return "taken";
  } catch (error) {
    assert.ok(error instanceof RequestProblem, String(error));
    assert.ok(error.message.length > 0);
    return "refused";
  }
}

describe("requests to an agent", () => {
  it("are read, when they are as they should be", () => {
    assert.deepEqual(changeOrder(order), order);
    assert.deepEqual(checkOrder({ check: QUICK, target: { address: "10.0.0.1", port: 80 } }).check, QUICK);
  });

  it("are refused with their paths when they are anything else", () => {
    assert.throws(() => changeOrder({ ...order, scope: [] }), /desired: tcp 192\.0\.2\.1:80 is not in scope/);
    assert.throws(() => changeOrder({ ...order, registry: ["+owner x\n-service y"] }), /registry\.0/);
    assert.throws(
      () => checkOrder({ check: { type: "none" }, target: { address: "10.0.0.1", port: 80 } }),
      /none/,
    );
    const counts: Record<string, number> = {};
    const count = (outcome: string) => {
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    };
    always(
      fc.property(fc.jsonValue(), (body) => count(outcomeOf(changeOrder, body))),
      { numRuns: RUNS },
    );
    always(
      fc.property(fc.jsonValue(), (body) => count(outcomeOf(checkOrder, body))),
      { numRuns: RUNS },
    );
    always(
      fc.property(damaged(order), (body) => count(outcomeOf(changeOrder, body))),
      { numRuns: RUNS },
    );
    assert.ok((counts.refused ?? 0) > RUNS, JSON.stringify(counts));
  });

  it("of any bytes are answered or hung up on, and change nothing", async () => {
    const site = await AgentSite.up((one) => one.kernel.set(FOREIGN));
    const fields = `host: agent\r\n${PROTOCOL_HEADER}: ${AGENT_PROTOCOL}\r\n`;
    const heads = [`GET /v1/state HTTP/1.1\r\n${fields}\r\n`, `POST /v1/changes HTTP/1.1\r\n${fields}`];
    const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one));
    const requests = fc.tuple(fc.constantFrom("", ...heads), bytes).map(([head, rest]) => {
      const length = head.startsWith("POST") ? `content-length: ${rest.length}\r\n\r\n` : "";
      return Buffer.concat([Buffer.from(head + length), rest]);
    });
    const lines = [...site.kernel.lines];
    try {
      await fc.assert(
        fc.asyncProperty(requests, async (request) => {
          const socket = net.connect(join(site.folder, "agent.sock"));
          socket.on("error", () => undefined).on("data", () => undefined);
          socket.end(request);
          await once(socket, "close");
          assert.deepEqual(site.kernel.lines, lines);
        }),
        { numRuns: fuzzRuns(500) },
      );
      assert.equal((await site.director().read()).lines.length, 1, "it goes on answering");
    } finally {
      await site.down();
    }
  });
});
