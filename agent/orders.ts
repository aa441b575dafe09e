import * as z from "zod";
import type { ChangeOrder, CheckOrder } from "../director/data";
import { serviceKey, type Table } from "../ipvs";
import { healthCheck } from "../spec";
import { RequestProblem } from "./server";

const digests = z.object({ registry: z.string(), table: z.string() });
const threshold = z.int().min(0);
const destination = z.object({
  address: z.string().regex(/^[0-9a-f.:]+$/),
  port: z.int().min(0).max(65_535),
  method: z.enum(["nat", "dr", "tun"]),
  // What somebody else has put beside ours may have any weight that the kernel takes.
  weight: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  extra: z.string().regex(/^[ -~]*$/),
  thresholds: z.object({ upper: threshold, lower: threshold }).optional(),
  lastWeight: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
});
const service = z.object({
  protocol: z.enum(["tcp", "udp", "sctp", "fwmark"]),
  address: z.string().regex(/^[0-9a-f.:]+( -6)?$/),
  port: z.int().min(0).max(65_535),
  scheduler: z.string().regex(/^[a-z]+$/),
  extra: z.string().regex(/^[ -~]*$/),
  destinations: z.array(destination),
});
const change = z.object({
  expect: digests,
  predict: digests,
  // One line each: a line end would be a line of the registry that nobody has looked at.
  registry: z.array(z.string().regex(/^[+-][^\n]*$/)),
  scope: z.array(z.string()),
  desired: z.array(service),
});
const check = z.object({
  check: healthCheck,
  target: z.object({ address: z.string().regex(/^[0-9a-f.:]+$/), port: z.int().min(0).max(65_535) }),
});

/** Reads a {@link ChangeOrder}. Throws RequestProblem with everything that is wrong. */
export function changeOrder(body: unknown): ChangeOrder {
  const order = read(change, body) as ChangeOrder;
  const scope = new Set(order.scope);
  const outside = (order.desired as Table).map(serviceKey).filter((key) => !scope.has(key));
  if (outside.length > 0)
    throw new RequestProblem(400, "bad request", `desired: ${outside.join(", ")} is not in scope`);
  return order;
}

/** Reads a {@link CheckOrder}. Throws RequestProblem. */
export function checkOrder(body: unknown): CheckOrder {
  const order = read(check, body);
  if (order.check.type === "none") throw new RequestProblem(400, "bad request", "check: `none` asks nothing");
  return order as CheckOrder;
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new RequestProblem(400, "bad request", problems.join("; "));
}
