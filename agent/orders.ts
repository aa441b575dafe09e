import * as z from "zod";
import type { ChangeOrder, CheckOrder } from "../director/data";
import { serviceKey } from "../ipvs";
import { healthCheck } from "../spec";
import { RequestProblem } from "./server";
import { table } from "./table-schema";

const digests = z.object({ registry: z.string(), table: z.string() });
const change: z.ZodType<ChangeOrder> = z.object({
  expect: digests,
  predict: digests,
  // One line each: a line end would be a line of the registry that nobody has looked at.
  registry: z.array(z.string().regex(/^[+-][^\n]*$/)),
  scope: z.array(z.string()),
  desired: table,
});
const check = z.object({
  check: healthCheck,
  target: z.object({ address: z.string().regex(/^[0-9a-f.:]+$/), port: z.int().min(0).max(65_535) }),
});

/** Reads a {@link ChangeOrder}. Throws RequestProblem with everything that is wrong. */
export function changeOrder(body: unknown): ChangeOrder {
  const order = read(change, body);
  const scope = new Set(order.scope);
  const outside = order.desired.map(serviceKey).filter((key) => !scope.has(key));
  if (outside.length > 0)
    throw new RequestProblem(400, "bad request", `desired: ${outside.join(", ")} is not in scope`);
  return order;
}

/** Reads a {@link CheckOrder}. Throws RequestProblem. */
export function checkOrder(body: unknown): CheckOrder {
  const order = read(check, body);
  if (order.check.type === "none") throw new RequestProblem(400, "bad request", "check: `none` asks nothing");
  return { check: order.check, target: order.target };
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new RequestProblem(400, "bad request", problems.join("; "));
}
