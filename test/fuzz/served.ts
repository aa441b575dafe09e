/** An agent on a model of the kernel, whose API is served on a port of loopback for tools that know no unix socket. */
import { once } from "node:events";
import * as net from "node:net";
import type { Gate } from "../../agent/api";
import { GateError } from "../../director";
import { AgentSite, QUICK } from "../unit/agent-site";
import { ModelledServers } from "../unit/modelled-servers";

/** Half of the servers pass; what is asked at the gate is tested elsewhere, and takes its time. */
export const GATE: Gate = {
  ask: async (entrants) => {
    const failures = entrants
      .filter(({ target }) => target.address.endsWith("2"))
      .map(({ server }) => ({
        ...{ director: "d1", server, check: QUICK },
        verdict: { healthy: false, answer: "no", checks: 1 },
      }));
    if (failures.length > 0) throw new GateError(failures, "Nothing was changed.");
  },
};

/** How often what drains is looked at. */
const LOOK_EVERY_MS = 200;

/** An API that is served, until it is closed. */
export interface Served {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Serves an API, with an agent of its own. */
export async function serve(): Promise<Served> {
  const site = await AgentSite.up(undefined, { dial: new ModelledServers().dial, gate: GATE });
  const relay = net.createServer((client) => {
    const agent = net.connect(site.socket);
    client.pipe(agent).pipe(client);
    for (const socket of [client, agent]) socket.on("error", () => undefined);
    client.on("close", () => agent.destroy());
    agent.on("close", () => client.destroy());
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const looks = setInterval(() => void site.keeper.reconcile(), LOOK_EVERY_MS);
  return {
    url: `http://127.0.0.1:${(relay.address() as net.AddressInfo).port}`,
    close: async () => {
      clearInterval(looks);
      relay.close();
      await site.down();
    },
  };
}
