/** Runs inside a director with kube-proxy: reads a {@link DeathsOrder}, has servers end, and prints when the kernel knew. */
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { RealServer } from "../../test/kubernetes/servers";
import { until } from "../../test/kubernetes/until";
import { Daemon } from "../guest/contestant";
import { readTable, TABLE_POLL_MS } from "../guest/kernel-table";
import { Network } from "../guest/network";
import { apiOf } from "./api-of";
import { type Deaths, type DeathsOrder, deathsOrder, type Finder } from "./deaths";
import { FirstVersion } from "./first-version";

/**
 * Between two deaths, in ms: they fall on all parts of the interval of checks (2 s), and each finds kube-proxy at rest, which
 * writes its table at most once a second.
 */
const APART_MS = 2_330;

/** Starts to ask servers. @returns what ends it */
type Find = (order: DeathsOrder) => Promise<() => Promise<void>>;

const controller: Find = async ({ program, kubeconfig, namespace }) => {
  const args = [program, "kubernetes", "--kubeconfig", kubeconfig, "--namespace", namespace];
  const daemon = new Daemon(process.execPath, args, process.env, "/run/heye-kubernetes.log");
  return () => daemon.end();
};

const FIND: Readonly<Record<Finder, Find>> = {
  controller,
  "controller-slices": controller,
  "first-version": async ({ kubeconfig, namespace, places }) => {
    const model = new FirstVersion(apiOf(kubeconfig), namespace, places);
    return () => model.stop();
  },
  kubelet: async ({ program, kubeconfig, node, nodeAddress }) => {
    const daemon = new Daemon(program, [kubeconfig, node, nodeAddress], process.env, "/run/kubelet.log");
    return () => daemon.end();
  },
};

async function measured(order: DeathsOrder): Promise<Deaths> {
  const { places } = order;
  const network = new Network();
  network.answerFor([order.network]);
  await network.settled();
  const servers = await Promise.all(places.map((place) => RealServer.start(place)));
  const end = await FIND[order.finder](order);
  const died = new Map<string, number>();
  const out = new Map<string, number>();
  const isAsked = () => servers.every(({ requests }) => requests > 1);
  await until("each is asked and in the kernel's table", () => isAsked() && missing(places).length === 0);
  const poll = setInterval(() => {
    for (const place of missing(places)) if (!out.has(place)) out.set(place, performance.now());
  }, TABLE_POLL_MS);
  try {
    for (const server of servers) {
      died.set(server.address, performance.now());
      await server.die();
      await delay(APART_MS);
    }
    await until("all are out", () => out.size === places.length);
  } finally {
    clearInterval(poll);
    await end();
    await network.end([order.network]);
  }
  const outS = [...died].map(([place, ms]) => ((out.get(place) ?? Number.NaN) - ms) / 1_000);
  // A check that came too late on a busy machine is no measurement.
  if (!outS.every((s) => s > 0)) throw new Error(`a server went out before it ended: ${outS.join(", ")} s`);
  return { outS };
}

/** Those that get no new connection from the kernel. */
function missing(places: readonly string[]): string[] {
  const takers = new Set(
    readTable().flatMap(({ entries }) => entries.flatMap(({ server, weight }) => (weight > 0 ? server : []))),
  );
  return places.filter((place) => !takers.has(`${place}:80`));
}

async function main(): Promise<void> {
  const order = deathsOrder.parse(JSON.parse(await text(process.stdin)));
  process.stdout.write(`${JSON.stringify(await measured(order))}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
