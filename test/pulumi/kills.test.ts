import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Registration } from "../../director";
import { Site } from "../lab/site";
import { edgeOf, QUICK } from "./edge";
import { ProgramFolder } from "./program-folder";
import type { Declared } from "./programs/declared";
import { Random } from "./random";

const KILLS = 20;
/** What the engine prints when it begins to change something. */
const BEGUN = /(creating|updating|deleting) \(/;

const random = new Random();

/**
 * A run that is killed may leave directors half changed, entries that no state knows, and a state that knows of nothing
 * of it. The same run made again must bring all that to an end.
 */
describe(`an engine that is killed at random moments (HEYE_SEED=${random.seed})`, () => {
  let site: Site;
  let folder: ProgramFolder;
  let declarations: readonly [Declared, Declared];
  /** What directors hold when the first or the second of them has been made real. */
  let expected: readonly [Holding[], Holding[]];
  /** From the first change to the end, undisturbed. */
  let spanMs: number;

  before(async () => {
    site = await Site.up({ directors: 3, servers: 4, database: false });
    folder = await ProgramFolder.create();
    declarations = twoDeclarations(site);
    const first = await undisturbed(declarations[0]);
    const second = await undisturbed(declarations[1]);
    expected = [first.held, second.held];
    spanMs = second.spanMs;
  });
  after(async () => {
    await folder?.remove();
    await site?.down();
  });

  const undisturbed = async (declared: Declared) => {
    await folder.declare(declared);
    const engine = folder.startUp();
    await engine.printed(BEGUN);
    const begun = performance.now();
    expectSuccess(await engine.ended);
    return { spanMs: performance.now() - begun, held: await holdings(site) };
  };

  for (let kill = 0; kill < KILLS; kill++) {
    const signal = kill % 2 === 0 ? "SIGKILL" : "SIGINT";
    const moment = random.next();
    it(`kill ${kill + 1}: ${signal} after ${Math.round(moment * 100)} % is repaired by the next up`, async () => {
      const which = kill % 2 === 0 ? 0 : 1;
      await folder.declare(declarations[which]);
      const engine = folder.startUp();
      assert.ok(await engine.printed(BEGUN), (await engine.ended).output);
      await delay(moment * spanMs);
      engine.kill(signal);
      await engine.ended;
      expectSuccess(await folder.up());
      assert.deepEqual(await holdings(site), expected[which]);
    });
  }

  it("leaves nothing to do, and nothing behind when all is destroyed", async () => {
    expectSuccess(await folder.previewNothing());
    expectSuccess(await folder.destroy());
    await site.expectEmpty();
  });
});

/** Each is a change of all kinds from the other: of virtual servers, inline pools and servers of their own. */
function twoDeclarations(site: Site): readonly [Declared, Declared] {
  const cluster = edgeOf(site);
  const healthCheck = { type: "tcp", ...QUICK } as const;
  const server = (name: string, weight = 1) => ({ address: site.address(name), weight, drainMs: 200 });
  const service = (last: number, port = 80) => ({ address: `192.0.2.${last}`, port, healthCheck });
  return [
    {
      cluster,
      virtualServers: {
        stays: { ...service(10), scheduler: "wrr", realServers: [server("rs1"), server("rs2")] },
        goes: { ...service(11, 7000), realServers: [server("rs1")] },
        echo: { ...service(12, 7000), scheduler: "wrr" },
      },
      realServers: {
        one: { in: "echo", ...server("rs1") },
        two: { in: "echo", ...server("rs2") },
      },
    },
    {
      cluster,
      virtualServers: {
        stays: { ...service(10), scheduler: "wlc", realServers: [server("rs2", 5), server("rs3")] },
        comes: { ...service(13), realServers: [server("rs3"), server("rs4")] },
        echo: { ...service(12, 7000), scheduler: "wrr" },
      },
      realServers: {
        two: { in: "echo", ...server("rs2", 7) },
        three: { in: "echo", ...server("rs3") },
      },
    },
  ];
}

/** What a director holds, and who owns it, without what is another in each run. */
interface Holding {
  readonly table: readonly string[];
  readonly registered: readonly string[];
}

/** What every director holds; fails when somebody holds its lock still, or left a change there that was not made. */
async function holdings(site: Site): Promise<Holding[]> {
  const script = "flock -n /run/heye/lock ls -A /var/lib/heye && ipvsadm --save -n";
  return Promise.all(
    site.fleet.of(site.cluster).map(async (director) => {
      const [files, ...table] = (await site.on(director.name, "sh", "-c", script)).trim().split("\n");
      assert.equal(files, "registry", director.name);
      const { registry } = await director.read();
      const owned = Object.values(registry.owners).flatMap(({ virtualServers }) =>
        Object.entries(virtualServers),
      );
      return { table: table.sort(), registered: owned.map(([key, one]) => described(key, one)).sort() };
    }),
  );
}

function described(key: string, { token: _, members, ...settings }: Registration): string {
  const servers = members.map(({ token: __, ...member }) => JSON.stringify(member)).sort();
  return [key, JSON.stringify(settings), ...servers].join("\n");
}

function expectSuccess({ code, output }: { readonly code: number | null; readonly output: string }): void {
  assert.equal(code, 0, output);
}
