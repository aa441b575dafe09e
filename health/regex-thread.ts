/** The thread on which regular expressions run; see regex-search.ts. */
import { createContext, Script } from "node:vm";
import { parentPort } from "node:worker_threads";
import { BUDGET_MS, type Found, type Search, type SearchResult } from "./regex-search";

/** The one thing that can stop an expression on its way is the time limit of a script. */
const SEARCH = new Script("expression.test(text)");

function search({ source, text }: Search): SearchResult {
  const context = createContext({ expression: new RegExp(source, "u"), text });
  try {
    return SEARCH.runInContext(context, { timeout: BUDGET_MS }) ? "found" : "absent";
  } catch {
    return "tooSlow";
  }
}

parentPort?.on("message", (order: Search) => {
  parentPort?.postMessage({ id: order.id, result: search(order) } satisfies Found);
});
