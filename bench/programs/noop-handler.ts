import { randomUUID } from "node:crypto";
import type * as dynamic from "@pulumi/pulumi/dynamic";

/** Does nothing at all: what is left is Pulumi's own work. */
export const provider: dynamic.ResourceProvider = {
  check: async (_olds: unknown, inputs: unknown) => ({ inputs, failures: [] }),
  diff: async () => ({ changes: false }),
  create: async (outs: unknown) => ({ id: randomUUID(), outs }),
  read: async (id, props) => ({ id: id ?? "", props, inputs: props }),
  update: async (_id, _olds, outs: unknown) => ({ outs }),
  delete: async () => undefined,
};
