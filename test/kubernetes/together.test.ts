import assert from "node:assert/strict";
import * as z from "zod";
import { SPACING_MS } from "../../kubernetes/gathering";
import { Cluster } from "./cluster";
import { service, untilOut, v1Endpoints } from "./objects";
import { type LogLine, Replica } from "./replica";
import { addresses, RealServer } from "./servers";
import { until } from "./until";

after(() => Cluster.stopShared());

const timed = z.object({ time: z.coerce.date() });
const lists = z.object({ down: z.array(z.string()), up: z.array(z.string()) });

/** So many writes do for changes that were found one after the other: the first, and one for each second begun since. */
function enoughFor(lines: readonly LogLine[]): number {
  const times = lines.map((line) => timed.parse(line).time.getTime());
  return 2 + Math.floor((Math.max(...times) - Math.min(...times)) / SPACING_MS);
}

describe("20 servers of one Service that change together", function () {
  this.slow(60_000);

  it("are a few writes, of which the first waits for no others", async () => {
    const cluster = await Cluster.shared();
    const namespace = await cluster.namespace();
    const places = addresses(20);
    const servers = await Promise.all(places.map((place) => RealServer.start(place)));
    const items = [service("web"), v1Endpoints("web", places)];
    await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace);
    const replica = await Replica.lead(await cluster.accountConfig(), "--namespace", namespace);
    await until("all are asked", () => servers.every(({ requests }) => requests > 1));
    const linesOf = (event: string) => replica.log.filter((line) => line.event === event);

    await Promise.all(servers.map((server) => server.die()));
    await untilOut(cluster, namespace, "web", places);
    const written = linesOf("write").map((line) => lists.parse(line));
    assert.equal(written.flatMap(({ down }) => down).length, places.length, "each went out once");
    assert.ok((written[0]?.down.length ?? 0) < places.length / 2, "the first did not wait for the others");
    const found = linesOf("health");
    assert.equal(found.length, places.length);
    const out = cluster.writeCount(namespace);
    assert.ok(out <= enoughFor(found), `${out} writes`);

    await Promise.all(servers.map((server) => server.revive()));
    await untilOut(cluster, namespace, "web", []);
    const back = cluster.writeCount(namespace) - out;
    assert.ok(back <= enoughFor(linesOf("health").slice(places.length)), `${back} writes`);
    console.log(`      ${out} writes out, ${back} writes back`);
    await replica.stop();
    for (const server of servers) await server.die();
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });
});
