/** Runs inside a director of the lab: reads an {@link Order} from standard input, measures, and prints what came of it. */
import { text } from "node:stream/consumers";
import { Agent } from "./agent";
import { detect } from "./detection";
import { Keepalived } from "./keepalived";
import type { Detected, Order, Scraped, Started } from "./order";
import { scrapes } from "./scrapes";
import { start } from "./start";

async function main(): Promise<void> {
  const order = JSON.parse(await text(process.stdin)) as Order;
  const result = await measured(order);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function measured(order: Order): Promise<Detected | Started | Scraped> {
  if (order.measure === "scrapes") return scrapes(new Agent(order.agent), order);
  const contestant = order.contestant === "agent" ? new Agent(order.agent) : new Keepalived(order.keepalived);
  return order.measure === "detection" ? detect(contestant, order) : start(contestant, order);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
