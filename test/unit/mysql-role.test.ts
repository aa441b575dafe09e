import assert from "node:assert/strict";
import * as net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { runCheck } from "../../health";
import { dial, never, serve, settings } from "./health-server";
import { greeting, ok, refusal, table } from "./mysql-packets";

const PARSE_ERROR = refusal(1, 1064, "You have an error in your SQL syntax");
const NOT_ALLOWED = refusal(1, 1227, "Access denied; you need the REPLICA MONITOR privilege");

/** Takes any login and answers statements as told; notes what it was asked. */
function database(answers: Readonly<Record<string, Buffer>>): { server: net.Server; heard: string[] } {
  const heard: string[] = [];
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined).write(greeting("mysql_native_password"));
    socket.once("data", () => {
      socket.write(ok(2));
      socket.on("data", (data) => {
        const statement = data.toString("utf8", 5);
        heard.push(data[4] === 1 ? "quit" : statement);
        if (data[4] === 1) socket.end();
        else socket.write(answers[statement] ?? ok(1));
      });
    });
  });
  return { server, heard };
}

const READ_ONLY = "SELECT @@global.read_only AS read_only";
const readOnly = (value: string) => ({ [READ_ONLY]: table(["read_only"], [value]) });
const lags = (column: string, ...values: (string | null)[]) =>
  table(["Source_Host", column], ...values.map((value) => ["10.0.0.9", value]));
const replica = (...values: (string | null)[]) => ({
  "SHOW REPLICA STATUS": lags("Seconds_Behind_Source", ...values),
});
const SAYS_NOTHING = "does not say whether it is read_only";
const WELL = "MySQL login and query succeeded";

describe("mysql check of a role", () => {
  const cases: [string, object, Readonly<Record<string, Buffer>>, boolean, string][] = [
    ["a writer that is one", { readOnly: false }, readOnly("0"), true, `${WELL}, read_only is off`],
    ["a writer that is a reader", { readOnly: false }, readOnly("1"), false, "read_only is on, expected off"],
    ["a reader that is one", { readOnly: true }, readOnly("1"), true, `${WELL}, read_only is on`],
    ["a reader that is a writer", { readOnly: true }, readOnly("0"), false, "read_only is off, expected on"],
    [
      "a reader in MariaDB's words",
      { readOnly: true },
      readOnly("NO_LOCK"),
      true,
      `${WELL}, read_only is on`,
    ],
    ["a writer in MariaDB's words", { readOnly: false }, readOnly("OFF"), true, `${WELL}, read_only is off`],
    ["a server that says nothing", { readOnly: true }, readOnly(""), false, SAYS_NOTHING],
    ["a server that has no answer", { readOnly: true }, { [READ_ONLY]: table(["x"]) }, false, SAYS_NOTHING],
    ["a server that says that it is done", { readOnly: true }, {}, false, SAYS_NOTHING],
    ["a replica that keeps up", { maxLagMs: 5_000 }, replica("5"), true, `${WELL}, 5 s behind its source`],
    [
      "one that does not",
      { maxLagMs: 4_999 },
      replica("5"),
      false,
      "5 s behind its source, expected 4999 ms at most",
    ],
    ["one that has stopped", { maxLagMs: 5_000 }, replica(null), false, "replication does not run"],
    [
      "one of whose sources has stopped",
      { maxLagMs: 5_000 },
      replica("0", null),
      false,
      "replication does not run",
    ],
    [
      "one that is behind one source",
      { maxLagMs: 5_000 },
      replica("0", "9", "1"),
      false,
      "9 s behind its source, expected 5000 ms at most",
    ],
    ["one that is none", { maxLagMs: 5_000 }, replica(), false, "is no replica: it follows no source"],
    [
      "a reader that is both",
      { readOnly: true, maxLagMs: 0 },
      { ...readOnly("1"), ...replica("0") },
      true,
      `${WELL}, read_only is on, 0 s behind its source`,
    ],
    [
      "one with the names of old",
      { maxLagMs: 0 },
      { "SHOW REPLICA STATUS": PARSE_ERROR, "SHOW SLAVE STATUS": lags("Seconds_Behind_Master", "0") },
      true,
      `${WELL}, 0 s behind its source`,
    ],
    [
      "an account that may not ask",
      { maxLagMs: 0 },
      { "SHOW REPLICA STATUS": NOT_ALLOWED },
      false,
      "Access denied; you need the REPLICA MONITOR privilege",
    ],
    [
      "a statement that fails",
      { query: "SELECT 2" },
      { "SELECT 2": refusal(1, 1146, "no such table") },
      false,
      "no such table",
    ],
  ];
  for (const [what, role, answers, healthy, answer] of cases) {
    it(`${what}: ${healthy ? "healthy" : "not healthy"}, and the session is closed in order`, () => {
      const { server, heard } = database(answers);
      return serve(server, async (target) => {
        const check = settings({ type: "mysql", user: "heye", ...role });
        assert.deepEqual(await runCheck(check, target, dial, never), { healthy, answer });
        for (let waits = 0; heard.at(-1) !== "quit" && waits < 200; waits++) await delay(5);
        assert.equal(heard.at(-1), "quit");
      });
    });
  }

  it("asks for no role that nobody expects", () => {
    const { server, heard } = database({});
    return serve(server, async (target) => {
      await runCheck(settings({ type: "mysql", user: "heye" }), target, dial, never);
      for (let waits = 0; heard.length < 2 && waits < 200; waits++) await delay(5);
      assert.deepEqual(heard, ["SELECT 1", "quit"]);
    });
  });
});
