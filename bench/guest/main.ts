/** Runs inside a director of the lab: reads an {@link Order} from standard input, measures, and prints what came of it. */
import { text } from "node:stream/consumers";
import { Agent } from "./agent";
import { detect } from "./detection";
import { Keepalived } from "./keepalived";
import type { Order } from "./order";
import { start } from "./start";

async function main(): Promise<void> {
  const order = JSON.parse(await text(process.stdin)) as Order;
  const contestant = order.contestant === "agent" ? new Agent(order.agent) : new Keepalived(order.keepalived);
  const result =
    order.measure === "detection" ? await detect(contestant, order) : await start(contestant, order);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
