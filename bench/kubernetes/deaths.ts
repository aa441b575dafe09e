import * as z from "zod";

/** Who finds out that a server has ended, and tells Kubernetes: ours by Endpoints or by slices, a model, a kubelet. */
export const FINDERS = ["controller", "controller-slices", "first-version", "kubelet"] as const;
export type Finder = (typeof FINDERS)[number];

/** What a program on a director is told to measure, as JSON on its standard input. */
export const deathsOrder = z.object({
  finder: z.enum(FINDERS),
  /** What a finder is: heye-agent.js, or a kubelet; nothing for a model. */
  program: z.string(),
  /** The director, as Kubernetes knows it, and its address. */
  node: z.string(),
  nodeAddress: z.string(),
  /** Of the finder. */
  kubeconfig: z.string(),
  namespace: z.string(),
  /** A network of 16 bits with all of them: `10.100.0.0/16`. */
  network: z.string(),
  /** Addresses of servers on port 80, each the only one of a Service that is there already. */
  places: z.array(z.string()),
});

/** What it says: of each server, seconds from its end until the kernel's table sends it no new connection. */
export const deaths = z.object({ outS: z.array(z.number()) });

export type DeathsOrder = z.output<typeof deathsOrder>;
export type Deaths = z.output<typeof deaths>;
