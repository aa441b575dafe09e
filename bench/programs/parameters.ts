import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import type { DirectorEntry } from "../../lab";
import { Cluster } from "../../sdk";
import type { Plan } from "../plan";
import { NOOP_STUB } from "./modules";

/** What the programs with virtual servers are told. */
export interface PlanParameters {
  readonly directors: readonly DirectorEntry[];
  readonly plan: Plan;
  /** The weight of the very first real server. Default 1. */
  readonly firstWeight?: number;
  /** Keep every resource and property, and let a handler that does nothing take our handler's place. */
  readonly twin?: boolean;
}

/** What stands in the program's folder for it. */
export function parameters<T>(): T {
  return JSON.parse(readFileSync("parameters.json", "utf8")) as T;
}

/** The cluster of a bench. Where a twin is wanted, it and all that follows is one. */
export function clusterOf({ directors, twin = false }: PlanParameters): Cluster {
  if (twin) pulumi.runtime.registerStackTransformation(intoTwin);
  // As the README's example: what all directors share stands once.
  const [{ user, privateKey } = { user: "root", privateKey: "" }] = directors;
  return new Cluster("bench", {
    connection: { user, privateKey, dialErrorLimit: 1 },
    directors: directors.map(({ name, host, port, hostKey }) => ({
      name,
      connection: { host, port, hostKey },
    })),
  });
}

function intoTwin({
  props,
  opts,
}: pulumi.ResourceTransformationArgs): pulumi.ResourceTransformationResult | undefined {
  return "__provider" in props ? { props: { ...props, __provider: NOOP_STUB }, opts } : undefined;
}
