/** The slices that serve a Service, as kube-proxy finds them. */
import * as z from "zod";
import type { Cluster } from "./cluster";
import type { Readiness } from "./objects";
import { until } from "./until";

const slices = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        labels: z.record(z.string(), z.string()),
        resourceVersion: z.string(),
        ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
      }),
      endpoints: z
        .array(
          z.object({
            addresses: z.array(z.string()),
            conditions: z.object({ ready: z.boolean().optional() }).default({}),
          }),
        )
        .nullish(),
    }),
  ),
});

/** A slice that serves a Service. */
export type ServingSlice = z.output<typeof slices>["items"][number];

/** One Service of one namespace. */
export class Serving {
  constructor(
    private readonly cluster: Cluster,
    private readonly namespace: string,
    private readonly service: string,
  ) {}

  async slices(): Promise<ServingSlice[]> {
    const label = `kubernetes.io/service-name=${this.service}`;
    const args = ["get", "endpointslices", "-n", this.namespace, "-l", label, "-o", "json"];
    return slices.parse(JSON.parse(await this.cluster.kubectl(args))).items;
  }

  async readiness(): Promise<Readiness> {
    const all = (await this.slices()).flatMap(({ endpoints }) => endpoints ?? []);
    const that = (ready: boolean) =>
      all
        .filter(({ conditions }) => (conditions.ready ?? true) === ready)
        .flatMap((one) => one.addresses)
        .sort();
    return { ready: that(true), notReady: that(false) };
  }

  /** Waits until exactly these addresses are ready. */
  async untilReady(ready: readonly string[]): Promise<void> {
    const wanted = [...ready].sort().join();
    await until(
      `of ${this.service} are ready: ${wanted}`,
      async () => (await this.readiness()).ready.join() === wanted,
      () => this.readiness(),
    );
  }

  /** Looks again and again while something is done. @returns every address that was ready at some time */
  async readyDuring(work: () => Promise<void>): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    let isOver = false;
    const looking = (async () => {
      while (!isOver) for (const one of (await this.readiness()).ready) seen.add(one);
    })();
    try {
      await work();
    } finally {
      isOver = true;
      await looking;
    }
    return seen;
  }
}
