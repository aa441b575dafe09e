/** An agent with a table in memory, in a process of its own that its parent has bound to one core; ends with its input. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileStore, Keeper } from "../../agent";
import { apiOf } from "../../agent/api";
import { EVENTS_KEPT } from "../../agent/api/limits";
import { EventRing, telling } from "../../agent/events";
import { noLog } from "../../agent/log";
import { Maintenance } from "../../agent/maintenance";
import { OwnProber } from "../../agent/own-prober";
import { routesOf } from "../../agent/routes";
import { listen } from "../../agent/server";
import { Sight } from "../../agent/sight";
import { directDial } from "../../health";
import { MemoryKernel } from "./kernel";

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "heye-bench-api-"));
  const events = new EventRing("bench", EVENTS_KEPT);
  const log = telling(noLog(), events);
  const dial = directDial();
  const kernel = new MemoryKernel();
  const maintenance = await Maintenance.load(folder);
  const about = { version: "bench", startedAt: Date.now() };
  const store = new FileStore(folder);
  const sight = new Sight({ kernel, maintenance, about, release: "", store });
  const keeper = await Keeper.start({
    ...{ store, kernel, dial, log },
    host: { kernel: "", ipvsadm: "" },
    place: async () => "",
  });
  const routes = routesOf(keeper, dial);
  sight.watch(keeper);
  const api = apiOf({ keeper, dial, prober: new OwnProber("bench"), log, events, sight, version: "bench" });
  const socket = join(folder, "agent.sock");
  const server = await listen(
    socket,
    () => routes,
    log,
    () => api,
  );
  process.stdout.write(`${socket}\n`);
  process.stdin.resume().on("end", () => {
    server.close();
    server.closeAllConnections();
    void keeper.stop().then(() => {
      rmSync(folder, { recursive: true });
      process.exit(0);
    });
  });
}

void main();
