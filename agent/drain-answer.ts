import type { Explanation } from "./explanation";

/** What became of a drain that an operator has begun or ended. */
export interface DrainAnswer {
  /** The virtual servers that it concerns. */
  readonly services: readonly string[];
  /** Those of them in which the server takes no connections now, and why. */
  readonly out: readonly (Pick<Explanation, "service" | "reasons"> & {
    /** Where the API has the drain that it has declared; absent: there is none. */
    readonly drain?: string;
  })[];
}

/** The answer as an operator reads it: what is true of the server now, whatever he has asked for. */
export function drainText(server: string, wanted: "start" | "end", { services, out }: DrainAnswer): string {
  if (wanted === "start") return `${server} takes no new connections in ${services.join(", ")}\n`;
  const still = new Set(out.map(({ service }) => service));
  const taking = services.filter((one) => !still.has(one));
  const lines = out.map(({ service, reasons, drain }) => {
    const how = drain === undefined ? "" : `: DELETE ${drain} of the REST API ends that drain`;
    return `${server} still takes no connections in ${service} (${reasons.join(", ")})${how}`;
  });
  if (taking.length > 0) lines.unshift(`${server} takes connections in ${taking.join(", ")}`);
  return `${lines.join("\n")}\n`;
}
