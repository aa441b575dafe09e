import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { Standby } from "../../agent/standby";
import { editedServices, plan, type Service, serviceKey, type Table } from "../../ipvs";
import { until } from "./agent-site";
import { applyEdit } from "./model-kernel";
import { always } from "./property";
import { anyTwoTables, saved } from "./tables";

/** Tells its process id, and what it was given. */
const SCRIPT = "echo $$; cat; echo done >&2";

/** Children of this process that run that script. */
function waiting(): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], {
    encoding: "utf8",
  });
  return stdout
    .split("\n")
    .filter((line) => line.includes(SCRIPT))
    .map((line) => Number(line.trim().split(" ")[0]));
}

describe("a program that stands by", () => {
  it("has been started before it is needed, and gives way to the next one", async () => {
    const standby = new Standby("sh", ["-c", SCRIPT], process.env);
    await until(
      () => waiting().length === 1,
      () => waiting().join(),
    );
    const [first] = waiting();
    const one = await standby.run("one\n");
    assert.deepEqual(one, { status: 0, stdout: `${first}\none\n`, stderr: "done\n" });
    await until(
      () => waiting().length === 1 && waiting()[0] !== first,
      () => waiting().join(),
    );
    assert.match((await standby.run("two\n")).stdout, /^\d+\ntwo\n$/);
    for (const pid of waiting()) process.kill(pid);
  });

  it("is started anew where it has been killed while it waited", async () => {
    const standby = new Standby("sh", ["-c", SCRIPT], process.env);
    await until(
      () => waiting().length === 1,
      () => waiting().join(),
    );
    for (const pid of waiting()) process.kill(pid, "SIGKILL");
    await until(
      () => waiting().length === 0,
      () => waiting().join(),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match((await standby.run("one\n")).stdout, /\none\n$/);
    for (const pid of waiting()) process.kill(pid);
  });

  it("that is not there is told of when it is needed", async () => {
    const standby = new Standby("/nowhere/heye-nothing", [], process.env);
    await assert.rejects(standby.run("one\n"), { code: "ENOENT" });
  });
});

describe("what edits make of a table", () => {
  const byKey = (table: Table) => new Map(table.map((one) => [serviceKey(one), sorted(one)]));

  it("is what the kernel makes of it", () => {
    always(
      fc.property(anyTwoTables, ([before, after]) => {
        const scope = new Set([...before, ...after].map(serviceKey));
        const edits = plan(before, after, scope);
        const kernel = byKey(edits.reduce(applyEdit, before));
        const changed = editedServices(before, edits);
        assert.deepEqual(new Set(changed.keys()), new Set(edits.map(({ service }) => serviceKey(service))));
        for (const [key, service] of changed) assert.deepEqual(service && sorted(service), kernel.get(key));
      }),
      { numRuns: 300 },
    );
  });
});

/** As a list of the kernel says it, in one order. */
function sorted(service: Service): Service | undefined {
  const [listed] = saved([service]);
  return (
    listed && {
      ...listed,
      destinations: [...listed.destinations].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    }
  );
}
