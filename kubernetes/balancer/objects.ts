import * as z from "zod";
import { objectMetadata, serviceObject } from "../objects";

const count = z.number().nullish();
const text = z.string().nullish();

/** A Service, as far as it matters whose servers it has, and what directors do for it. */
export const balancedServiceObject = z.object({
  metadata: objectMetadata.extend({
    creationTimestamp: text,
    finalizers: z.array(z.string()).nullish(),
  }),
  spec: serviceObject.shape.spec.extend({
    type: text,
    loadBalancerClass: text,
    loadBalancerIP: text,
    loadBalancerSourceRanges: z.array(z.string()).nullish(),
    ipFamilies: z.array(z.string()).nullish(),
    externalTrafficPolicy: text,
    sessionAffinity: text,
    sessionAffinityConfig: z.object({ clientIP: z.object({ timeoutSeconds: count }).nullish() }).nullish(),
    ports: z.array(z.object({ name: text, protocol: text, port: z.number(), nodePort: count })).nullish(),
  }),
  status: z
    .object({
      loadBalancer: z.object({ ingress: z.array(z.object({ ip: text })).nullish() }).nullish(),
    })
    .nullish(),
});

/** A node, as far as it matters how it is reached. */
export const nodeObject = z.object({
  metadata: objectMetadata,
  status: z
    .object({ addresses: z.array(z.object({ type: z.string(), address: z.string() })).nullish() })
    .nullish(),
});

/** The servers of a Service as Kubernetes sees them. */
export const servingSliceObject = z.object({
  metadata: objectMetadata,
  addressType: z.string(),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        nodeName: text,
        conditions: z.object({ ready: z.boolean().nullish() }).nullish(),
      }),
    )
    .nullish(),
  ports: z.array(z.object({ name: text, port: count, protocol: text })).nullish(),
});

/** A ConfigMap. */
export const configMapObject = z.object({
  metadata: objectMetadata,
  data: z.record(z.string(), z.string()).nullish(),
});

export type BalancedServiceObject = z.output<typeof balancedServiceObject>;
