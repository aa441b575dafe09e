import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type DirectorEntry, Lab } from "../../lab";
import { login, output, remote } from "./lab-tools";

const DIRECTORS = 254;
/** How many are asked at the same time; all of them run on one CPU. */
const AT_A_TIME = 8;
/** One in so many is logged in to: a login takes a fifth of a second of that CPU. */
const LOGIN_EVERY = 23;

/** Does something for each, a few at a time, and returns what came of each, in no order. */
async function forEach<T, R>(all: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) results.push(await act(item));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return results;
}

/** The first thing that a director's SSH port says. */
async function banner(director: DirectorEntry): Promise<string> {
  const socket = connect(director.port, director.host);
  const [data] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return data.toString("latin1").trim();
}

/** How often the guest's kernel had no room for another neighbour; the packets that wanted it were lost. */
async function refusedNeighbours(lab: Lab): Promise<number> {
  const statistics = await output(
    lab,
    "switch",
    "nsenter",
    "-t",
    "1",
    "-n",
    "cat",
    "/proc/net/stat/arp_cache",
  );
  const [names = [], ...rows] = statistics.split("\n").map((line) => line.trim().split(/\s+/));
  const column = names.indexOf("table_fulls");
  assert.ok(column >= 0 && rows.length > 0, statistics);
  return rows.reduce((sum, row) => sum + Number.parseInt(row[column] ?? "", 16), 0);
}

describe("lab: 254 directors", function () {
  this.timeout(600_000);
  let lab: Lab;

  before(async () => {
    lab = await Lab.up({ directors: DIRECTORS, servers: 2, database: false });
  });
  after(() => lab.down());

  it("come up, each with a key of its own, and answer over SSH", async () => {
    const { directors } = lab.inventory;
    assert.equal(new Set(directors.map((director) => director.hostKey)).size, DIRECTORS);
    assert.equal(new Set(directors.map((director) => director.port)).size, DIRECTORS);
    const banners = await forEach(directors, banner);
    assert.equal(banners.filter((text) => text.startsWith("SSH-2.0-OpenSSH")).length, DIRECTORS);
  });

  it("are logged in to under their names", async () => {
    const some = lab.inventory.directors.filter((_, i) => i % LOGIN_EVERY === 0 || i === DIRECTORS - 1);
    const names = await forEach(some, async (director) => {
      const client = await login(director);
      const name = await remote(client, "hostname");
      client.end();
      return name;
    });
    assert.deepEqual(names.sort(), some.map((director) => director.name).sort());
  });

  it("share the traffic of one virtual address, each by a table of its own", async () => {
    // By dr: what 254 networks translate and track besides is another matter, and dear on one CPU.
    const rules =
      "-A -t 192.0.2.10:80 -s rr\n-a -t 192.0.2.10:80 -r 10.20.1.2:80 -g\n-a -t 192.0.2.10:80 -r 10.20.1.3:80 -g\n";
    const codes = await forEach(lab.inventory.directors, async ({ name }) => {
      return (await lab.exec(name, ["ipvsadm", "-R"], { stdin: rules })).code;
    });
    assert.deepEqual([...new Set(codes)], [0]);
    assert.equal((await lab.status()).announced.length, DIRECTORS);
    // All of them run on one CPU: what is slow here is not lost.
    const patience = { connectTimeoutMs: 30_000, answerTimeoutMs: 30_000 };
    const report = await lab.traffic({ url: "http://192.0.2.10/", requests: 1000, ...patience });
    assert.deepEqual(report.errors, {});
    if (lab.inventory.mode === "guest") assert.equal(await refusedNeighbours(lab), 0);
  });
});
