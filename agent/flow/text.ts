import type { Flow } from "./flow";
import type { Sent } from "./sending";

/** A flow, and what came of sending it where that was asked for. */
type Told = Flow & { readonly sent?: Sent };

/** Where flows go, as a person reads it. */
export function flowText(flows: readonly Told[]): string {
  return flows.map((flow) => `${[headOf(flow), ...linesOf(flow)].join("\n")}\n`).join("\n");
}

function headOf({ service, server }: Flow): string {
  if (server === undefined) return `${service}: depends on the moment`;
  return `${service}: ${server ?? "refused"}`;
}

function linesOf(flow: Told): string[] {
  const { sent, scheduler, bucket, buckets, instead, hashesPort, persistent, candidates, server } = flow;
  const chosen = candidates.filter(({ weight }) => weight > 0);
  const weights = chosen.map(({ destination, weight }) => `  ${destination.padEnd(28)} weight ${weight}`);
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
    ...(sent ? [`  ${sentText(sent, server)}`] : []),
  ];
}

/** @param computed as in {@link Flow} */
function sentText({ server, agrees, because }: Sent, computed: Flow["server"]): string {
  if (because !== undefined)
    return `not sent: ${because}${server === undefined ? "" : `, and goes on to ${server}`}`;
  if (agrees) return `sent: the kernel takes ${server ?? "no server"}, as computed`;
  const head = computed === undefined ? "sent" : "SENT, AND NOT AS COMPUTED";
  if (server === null)
    return `${head}: the kernel takes no server. It refuses the connection, or a firewall took the packet before IPVS`;
  return `${head}: the kernel takes ${server}`;
}
