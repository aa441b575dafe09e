import type { Flow } from "./flow";

/** Where flows go, as a person reads it. */
export function flowText(flows: readonly Flow[]): string {
  return flows.map((flow) => `${[headOf(flow), ...linesOf(flow)].join("\n")}\n`).join("\n");
}

function headOf({ service, server }: Flow): string {
  if (server === undefined) return `${service}: depends on the moment`;
  return `${service}: ${server ?? "refused"}`;
}

function linesOf(flow: Flow): string[] {
  const { scheduler, bucket, buckets, instead, hashesPort, persistent, candidates, server } = flow;
  const weights = candidates.map(({ destination, weight }) => `  ${destination.padEnd(28)} weight ${weight}`);
  const how =
    server === undefined
      ? [`  ${scheduler} goes by what came before and what is open now; it chooses among:`, ...weights]
      : [
          `  ${scheduler}, bucket ${bucket} of ${buckets}, by the client's address${hashesPort ? " and port" : ""}`,
        ];
  return [
    ...how,
    ...(instead === undefined ? [] : [`  its own bucket is ${instead}'s, which takes no connections`]),
    ...(persistent ? ["  persistent: a client that is known goes where it went before"] : []),
  ];
}
