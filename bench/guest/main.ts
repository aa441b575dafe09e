/** Runs inside a director of the lab: reads an {@link Order} from standard input, measures, and prints what came of it. */
import { text } from "node:stream/consumers";
import { Agent } from "./agent";
import { startChecked } from "./checked-first";
import type { Contestant } from "./contestant";
import { detect } from "./detection";
import { Keepalived } from "./keepalived";
import { looks } from "./looks";
import type { Order } from "./order";
import { rate } from "./rate";
import { scrapes } from "./scrapes";
import { start } from "./start";

async function main(): Promise<void> {
  const order = JSON.parse(await text(process.stdin)) as Order;
  const result = await measured(order);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Those of both contestants. */
const OF_BOTH: Record<
  Exclude<Order["measure"], "scrapes" | "looks">,
  (contestant: Contestant, order: Order) => Promise<unknown>
> = { detection: detect, start, "checked-first": startChecked, rate };

function measured(order: Order): Promise<unknown> {
  const agent = new Agent(order.agent);
  if (order.measure === "scrapes") return scrapes(agent, order);
  if (order.measure === "looks") return looks(agent, order);
  const contestant = order.contestant === "agent" ? agent : new Keepalived(order.keepalived);
  return OF_BOTH[order.measure](contestant, order);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
