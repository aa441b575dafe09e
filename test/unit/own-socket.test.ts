import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OwnSocket } from "../../agent/own-socket";

describe("an agent's socket", () => {
  let folder: string;
  let path: string;
  let servers: Server[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "heye-socket-"));
    path = join(folder, "agent.sock");
    servers = [];
  });
  afterEach(async () => {
    await Promise.all(servers.map(closed));
    await rm(folder, { recursive: true });
  });

  /** An agent that answers with its number. */
  const taken = async (number = 0): Promise<OwnSocket> => {
    // Whoever only looks whether it is answered has gone by then.
    const server = createServer((socket) => socket.on("error", () => undefined).end(String(number)));
    servers.push(server);
    return OwnSocket.take(server, path);
  };
  const answer = () =>
    new Promise<string>((resolve, reject) => {
      connect(path)
        .once("data", (word) => resolve(word.toString()))
        .once("error", reject);
    });

  it("is one agent's alone, however many start in the same instant", async () => {
    const agents = Array.from({ length: 8 }, (_, number) => number);
    const all = await Promise.allSettled(agents.map(taken));
    const stay: number[] = [];
    for (const [number, one] of all.entries()) {
      if (one.status === "rejected") assert.match(String(one.reason), /another agent answers on/);
      else
        await one.value.requireOurs().then(
          () => stay.push(number),
          (error: unknown) => assert.match(String(error), /another agent has taken .*agent\.sock/),
        );
    }
    assert.equal(stay.length, 1);
    assert.equal(await answer(), String(stay[0]));
  });

  it("is refused where another one answers, and taken where one was killed", async () => {
    await writeFile(path, "");
    await taken(1);
    await assert.rejects(taken(2), /another agent answers on/);
    assert.equal(await answer(), "1");
  });

  it("can be opened by its owner alone, and is the only thing that stands there", async () => {
    await taken();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ["agent.sock"]);
  });

  it("goes with its agent, but not where it is another one's by then", async () => {
    await taken(1);
    await Promise.all(servers.map(closed));
    while (existsSync(path)) await new Promise(setImmediate);
    await Promise.all([taken(2), taken(3)]);
    const last = await answer();
    await closed(servers[last === "2" ? 2 : 1] as Server);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await answer(), last);
  });

  it("is nobody else's when it was removed by hand", async () => {
    const own = await taken();
    await rm(path);
    await own.requireOurs();
  });
});

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
