import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "../../test/kubernetes/cluster";
import { service, v1Endpoints } from "../../test/kubernetes/objects";
import { Replica } from "../../test/kubernetes/replica";
import { acceptOn } from "../../test/kubernetes/servers";
import { until } from "../../test/kubernetes/until";
import { BenchError } from "../bench";
import { cpuSeconds } from "../proc";
import type { Many } from "./figures";

const ADDRESSES = 20;
const INTERVAL_S = 5;
/** Of the checks that are due, so many have to be made. */
const MADE_SHARE = 0.9;

/**
 * What a controller takes that checks so many Services with 20 addresses each, all of them alive: memory after two checks of
 * each, and then processor time.
 *
 * @throws BenchError when it makes fewer checks than are due
 */
export async function many(
  cluster: Cluster,
  config: string,
  services: number,
  seconds: number,
): Promise<Many> {
  const namespace = await cluster.namespace();
  const ports = [{ name: "tcp", port: 8_080 }];
  const server = await acceptOn("0.0.0.0", 8_080);
  const check = { type: "tcp", intervalMs: INTERVAL_S * 1_000, timeoutMs: 4_000 };
  const annotations = { "heye.io/health-check": JSON.stringify(check) };
  const items = Array.from({ length: services }, (_, index) => {
    const host = (one: number) => `10.77.${index % 250}.${one + 1 + 100 * Math.floor(index / 250)}`;
    const places = Array.from({ length: ADDRESSES }, (_, one) => host(one));
    return [service(`s${index}`, ports), v1Endpoints(`s${index}`, places, annotations, ports)];
  }).flat();
  await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace, "--server-side");
  const replica = await Replica.lead(config, "--namespace", namespace);
  try {
    const checks = () => replica.metric("heye_kubernetes_checks_total");
    const due = services * ADDRESSES;
    await until("all are asked", async () => (await checks()) >= 2 * due);
    const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${replica.pid}/status`, "utf8"))?.[1];
    const before = { cpuS: cpuSeconds(replica.pid), checks: await checks(), atS: performance.now() / 1_000 };
    await delay(seconds * 1_000);
    const cpuS = cpuSeconds(replica.pid) - before.cpuS;
    const made = (await checks()) - before.checks;
    const wanted = (due / INTERVAL_S) * (performance.now() / 1_000 - before.atS);
    if (made < MADE_SHARE * wanted)
      throw new BenchError(`the controller made ${made} checks where ${Math.round(wanted)} were due`);
    return { memoryMb: Number(kb) / 1_024, cpuS };
  } finally {
    await replica.stop();
    server.close();
  }
}
