/** Measures the controller and the model of HeYe's first version at one API server: `node measure.js ORDER`, in network.sh. */
import { setTimeout as delay } from "node:timers/promises";
import type { Api } from "../../kubernetes/api";
import { endpointsObject } from "../../kubernetes/objects";
import { Cluster } from "../../test/kubernetes/cluster";
import { service, v1Endpoints } from "../../test/kubernetes/objects";
import { Replica } from "../../test/kubernetes/replica";
import { addresses, RealServer } from "../../test/kubernetes/servers";
import { until } from "../../test/kubernetes/until";
import { BenchError } from "../bench";
import { apiOf } from "./api-of";
import { type Figures, order, type Round } from "./figures";
import { FirstVersion } from "./first-version";
import { many } from "./many";

/** Between two deaths, in ms: they fall on all parts of the interval of checks (2 s). */
const APART_MS = 330;

/** Begins to check the servers of a namespace. @returns what ends it */
type Begin = (namespace: string, places: readonly string[]) => Promise<() => Promise<unknown>>;

async function main(text: string): Promise<void> {
  const { rounds, servers, services, seconds } = order.parse(JSON.parse(text));
  const cluster = await Cluster.shared();
  const config = await cluster.accountConfig();
  const ours: Begin = async (namespace) => {
    const replica = await Replica.lead(config, "--namespace", namespace);
    return () => replica.stop();
  };
  const peer: Begin = async (namespace, places) => {
    const model = new FirstVersion(apiOf(config), namespace, places);
    return () => model.stop();
  };
  const told: Figures = { ours: [], peer: [], many: { memoryMb: 0, cpuS: 0 } };
  for (let round = 0; round < rounds; round++) {
    told.ours.push(await roundOf(cluster, servers, ours));
    told.peer.push(await roundOf(cluster, servers, peer));
  }
  told.many = await many(cluster, config, services, seconds);
  console.log(JSON.stringify(told));
  await Cluster.stopShared();
}

async function roundOf(cluster: Cluster, count: number, begin: Begin): Promise<Round> {
  const outS = await withServers(cluster, count, begin, "each", async (servers, namespace) => {
    const diedMs = new Map<string, number>();
    const seen = new Seen(cluster, namespace);
    for (const server of servers) {
      diedMs.set(server.address, performance.now());
      await server.die();
      await delay(APART_MS);
    }
    await until("all are out", () => seen.out.size === count);
    seen.stop();
    const outS = [...diedMs].map(([place, ms]) => ((seen.out.get(place) ?? Number.NaN) - ms) / 1_000);
    // A check that came too late on a busy machine is no measurement.
    if (!outS.every((s) => s > 0))
      throw new BenchError(`a server went out before it ended: ${outS.join(", ")} s`);
    return outS;
  });
  const writes = await withServers(cluster, count, begin, "one", async (servers, namespace) => {
    const seen = new Seen(cluster, namespace);
    await Promise.all(servers.map((server) => server.die()));
    await until("all are out", () => seen.out.size === count);
    seen.stop();
    return cluster.writeCount(namespace);
  });
  return { outS, writes };
}

/** Gives work servers that are checked, each of a Service of its own or all of one. */
async function withServers<T>(
  cluster: Cluster,
  count: number,
  begin: Begin,
  services: "each" | "one",
  work: (servers: readonly RealServer[], namespace: string) => Promise<T>,
): Promise<T> {
  const namespace = await cluster.namespace();
  const places = addresses(count);
  const servers = await Promise.all(places.map((place) => RealServer.start(place)));
  const groups = services === "one" ? [places] : places.map((place) => [place]);
  const items = groups.flatMap((group, index) => [service(`s${index}`), v1Endpoints(`s${index}`, group)]);
  await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace);
  const end = await begin(namespace, places);
  await until("all are checked", () => servers.every(({ requests }) => requests > 1));
  const result = await work(servers, namespace);
  await end();
  await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  return result;
}

/** When a watch of Endpoints has told of addresses that they are not ready. */
class Seen {
  readonly out = new Map<string, number>();
  readonly #ending = new AbortController();

  constructor(cluster: Cluster, namespace: string) {
    void this.#follow(apiOf(cluster.plane.adminConfig), `/api/v1/namespaces/${namespace}/endpoints`);
  }

  stop(): void {
    this.#ending.abort();
  }

  async #follow(api: Api, path: string): Promise<void> {
    try {
      for await (const { object } of api.watch(path, {}, this.#ending.signal))
        for (const { notReadyAddresses } of endpointsObject.parse(object).subsets ?? [])
          for (const { ip } of notReadyAddresses ?? [])
            if (!this.out.has(ip)) this.out.set(ip, performance.now());
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    } finally {
      api.close();
    }
  }
}

main(process.argv[2] ?? "").catch(async (error: unknown) => {
  console.error(error);
  await Cluster.stopShared();
  process.exitCode = 1;
});
