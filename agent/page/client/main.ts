/** The status page: reads what the agent tells, again and again and whenever something happens, and shows it. */
import { Agent } from "./agent";
import { drawCluster } from "./cluster";
import { element, say } from "./dom";
import { Events } from "./events";
import { Overview } from "./overview";
import { Pools } from "./pools";
import { Pulse } from "./pulse";
import { clock } from "./words";

const STATUS_MS = 5_000;
const RECENT_MS = 5_000;
/** The kernel sums its counters up every 2 s. */
const TRAFFIC_MS = 2_000;

const agent = new Agent();
const pools = new Pools(agent);
const overview = new Overview(agent, pools);
let [isHeard, isRead, readAt] = [false, false, 0];

function line(): void {
  const isLive = isHeard && isRead;
  const words = isLive ? "live" : `not live${readAt === 0 ? "" : `, as of ${clock(readAt)}`}`;
  say(element("live"), words);
  element("live").className = `live ${isLive ? "on" : "off"}`;
  document.body.classList.toggle("stale", !isRead && readAt > 0);
}

const status = new Pulse(
  async () => {
    await agent.readStatus();
    overview.draw();
    drawCluster(agent.status?.plane);
    pools.draw();
  },
  STATUS_MS,
  (error) => {
    isRead = error === undefined;
    if (isRead) readAt = Date.now();
    line();
  },
);
const recent = new Pulse(
  async () => {
    await agent.readRecent();
    pools.draw();
  },
  RECENT_MS,
  () => undefined,
);
const traffic = new Pulse(
  async () => {
    await agent.readTraffic();
    overview.drawRates();
    pools.drawRates();
  },
  TRAFFIC_MS,
  () => undefined,
);

new Events(
  () => {
    status.soon();
    recent.soon();
  },
  (isLive) => {
    isHeard = isLive;
    if (isLive) status.soon();
    line();
  },
);
for (const pulse of [status, traffic, recent]) pulse.soon();
