/** An agent with a table in memory, in a process of its own that its parent has bound to one core; ends with its input. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileStore, Keeper } from "../../agent";
import { apiOf } from "../../agent/api";
import { EVENTS_KEPT } from "../../agent/api/limits";
import { EventRing, telling } from "../../agent/events";
import { noLog } from "../../agent/log";
import { routesOf } from "../../agent/routes";
import { listen } from "../../agent/server";
import { directDial } from "../../health";
import { MemoryKernel } from "./kernel";

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "heye-bench-api-"));
  const events = new EventRing("bench", EVENTS_KEPT);
  const log = telling(noLog(), events);
  const dial = directDial();
  const keeper = await Keeper.start({
    ...{ store: new FileStore(folder), kernel: new MemoryKernel(), dial, log },
    host: { kernel: "", ipvsadm: "" },
    place: async () => "",
  });
  const routes = routesOf(keeper, dial);
  const api = apiOf({ keeper, dial, log, events, about: { version: "bench", startedAt: Date.now() } });
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
