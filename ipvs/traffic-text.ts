import { listedService } from "./listed";
import type { DestinationTraffic, ServiceTraffic, Traffic } from "./traffic";

const NOTHING: Traffic = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };

/** A line of a destination, or what follows the name of a service: five numbers, or four. */
const DESTINATION = /^ {2}-> +(\S+) +([0-9 ]+)$/;
const COUNTERS = / ([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+) *$/;

/**
 * Reads what ipvsadm tells of traffic. Lines that it does not know (headings) are passed over. A destination that only one
 * of both texts has came or went between them, and is left out.
 *
 * @param counters what `ipvsadm --list -n --stats --exact` prints
 * @param connections what `ipvsadm --list -n --persistent-conn` prints
 */
export function parseTraffic(counters: string, connections: string): ServiceTraffic[] {
  const weighed = numbersOf(connections);
  const services: (ServiceTraffic & { destinations: DestinationTraffic[] })[] = [];
  for (const line of counters.split("\n")) {
    const service = listedService(line);
    if (service !== undefined) services.push({ service, ...trafficOf(line), destinations: [] });
    const [, destination = ""] = DESTINATION.exec(line) ?? [];
    const current = services.at(-1);
    const found = current && weighed.get(`${current.service} ${destination}`);
    if (!found) continue;
    const [weight = 0, persistent = 0, active = 0, inactive = 0] = found;
    const counts = { weight, active, inactive, persistent };
    current.destinations.push({ destination, ...counts, ...trafficOf(line) });
  }
  return services;
}

/** The numbers behind each destination, by the keys of both. */
function numbersOf(text: string): Map<string, readonly number[]> {
  const numbers = new Map<string, readonly number[]>();
  let service: string | undefined;
  for (const line of text.split("\n")) {
    service = listedService(line) ?? service;
    const [, destination, words] = DESTINATION.exec(line) ?? [];
    if (service === undefined || destination === undefined || words === undefined) continue;
    numbers.set(`${service} ${destination}`, words.trim().split(/ +/).map(Number));
  }
  return numbers;
}

function trafficOf(line: string): Traffic {
  const match = COUNTERS.exec(line);
  if (!match) return NOTHING;
  const [connections = 0, packetsIn = 0, packetsOut = 0, bytesIn = 0, bytesOut = 0] = match
    .slice(1)
    .map(Number);
  return { connections, packetsIn, packetsOut, bytesIn, bytesOut };
}
