import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { HeldConnections } from "../lab/held-connections";
import { Site } from "../lab/site";
import { edgeOf, QUICK } from "./edge";
import { type Ended, ProgramFolder } from "./program-folder";
import type { Declared } from "./programs/declared";

const PORT = 7000;
/** Longer than any test here may take. */
const LONG_MS = 3_600_000;
const CONNECTIONS = 12;

describe("connections of servers that leave", () => {
  let site: Site;
  let folder: ProgramFolder;
  let last = 30;
  let address: string;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 2, database: false });
    folder = await ProgramFolder.create();
  });
  after(async () => {
    await folder?.remove();
    await site?.down();
  });
  beforeEach(async () => {
    // The kernel remembers connections that were cut for a quarter of an hour, by their virtual address.
    address = `192.0.2.${++last}`;
    await declare(["rs1", "rs2"]);
    succeeded(await folder.up());
  });
  afterEach(async () => {
    succeeded(await folder.destroy());
    await site.expectEmpty();
  });

  /** The pool by names of servers; `[]` takes the virtual server away as well. */
  const declare = (servers: readonly string[], drainMs = LONG_MS): Promise<void> => {
    const realServers = servers.map((name) => ({ address: site.address(name), drainMs }));
    const healthCheck = { type: "tcp", ...QUICK } as const;
    const echo = { address, port: PORT, scheduler: "rr", healthCheck, realServers } as const;
    const declared: Declared = {
      cluster: edgeOf(site),
      virtualServers: servers.length > 0 ? { echo } : {},
    };
    return folder.declare(declared);
  };
  const member = (name: string) => `-r ${site.address(name)}:${PORT} -m -w`;
  /** Returns when every director has such a line about a server, or fails with what it has. */
  const eventually = async (text: string): Promise<void> => {
    for (let tries = 0; tries < 600; tries++) {
      if ((await site.tables()).every((table) => table.includes(text))) return;
      await delay(50);
    }
    assert.fail(`expected ${text}, found ${(await site.tables()).join("\n")}`);
  };
  const expectKept = async (held: HeldConnections): Promise<void> => {
    for (const { lost, answers } of await held.close()) assert.ok(lost === "" && answers > 1, lost);
  };
  const expectServers = async (...names: string[]) => {
    for (const table of await site.tables()) {
      assert.equal(table.match(/^-a /gm)?.length, names.length, table);
      for (const name of names) assert.ok(table.includes(`${member(name)} 1`), table);
    }
  };

  // keepalived#1228, kubernetes#71358: to remove a server cut its connections.
  it("go on until they end, while new ones meet the others", async () => {
    const held = await HeldConnections.open(site, address, PORT, CONNECTIONS);
    await declare(["rs1"]);
    const engine = folder.startUp();
    await eventually(`${member("rs2")} 0`);
    const later = await HeldConnections.open(site, address, PORT, 6);
    for (const { server } of await later.close()) assert.equal(server, "rs1");
    for (const table of await site.tables()) assert.ok(table.includes(`${member("rs2")} 0`), table);
    const kept = await held.close();
    assert.deepEqual([...new Set(kept.map(({ server }) => server))].sort(), ["rs1", "rs2"]);
    for (const { lost } of kept) assert.equal(lost, "");
    succeeded(await engine.ended);
    await expectServers("rs1");
  });

  // kubernetes#81775: a server that leaves was kept busy for ever by ports that came round.
  it("hold nobody up when drainMs is over", async () => {
    await declare(["rs1", "rs2"], 2_000);
    succeeded(await folder.up());
    const held = await HeldConnections.open(site, address, PORT, CONNECTIONS);
    await declare(["rs1"]);
    succeeded(await folder.up());
    await expectServers("rs1");
    const cut = (await held.close()).filter(({ lost }) => lost !== "");
    assert.deepEqual([...new Set(cut.map(({ server }) => server))], ["rs2"]);
  });

  it("go on when their virtual server is deleted", async () => {
    const held = await HeldConnections.open(site, address, PORT, CONNECTIONS);
    await declare([]);
    const engine = folder.startUp();
    for (const name of ["rs1", "rs2"]) await eventually(`${member(name)} 0`);
    await expectKept(held);
    succeeded(await engine.ended);
    assert.deepEqual(await site.tables(), ["", ""]);
  });

  it("go on when the engine is killed, and the next up waits for their end", async () => {
    const held = await HeldConnections.open(site, address, PORT, CONNECTIONS);
    await declare(["rs1"]);
    const engine = folder.startUp();
    await eventually(`${member("rs2")} 0`);
    engine.kill("SIGKILL");
    await engine.ended;
    await folder.unlock();
    const again = folder.startUp();
    for (let round = 0; round < 3; round++) {
      const later = await HeldConnections.open(site, address, PORT, 6);
      for (const { server } of await later.close()) assert.equal(server, "rs1");
    }
    assert.equal(again.hasEnded, false);
    await expectKept(held);
    succeeded(await again.ended);
    await expectServers("rs1");
  });
});

function succeeded({ code, output }: Ended): void {
  assert.equal(code, 0, output);
}
