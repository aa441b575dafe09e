import * as z from "zod";

/** What every object has; of the rest only what is read is kept. */
export const objectMetadata = z.object({
  name: z.string(),
  namespace: z.string().default(""),
  uid: z.string(),
  resourceVersion: z.string(),
  annotations: z.record(z.string(), z.string()).nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
  deletionTimestamp: z.string().nullish(),
  ownerReferences: z
    .array(z.object({ apiVersion: z.string(), kind: z.string(), name: z.string(), uid: z.string() }))
    .nullish(),
});

/** A Service, as far as it matters whose servers it has. */
export const serviceObject = z.object({
  metadata: objectMetadata,
  spec: z.object({
    selector: z.record(z.string(), z.string()).nullish(),
    ports: z.array(z.object({ name: z.string().nullish() })).nullish(),
  }),
});

/** A port of Endpoints and of slices; what else stands there is written back as it is. */
const port = z.looseObject({
  name: z.string().nullish(),
  port: z.number().nullish(),
  protocol: z.string().nullish(),
});

const address = z.looseObject({ ip: z.string() });

/** Core/v1 Endpoints. */
export const endpointsObject = z.object({
  metadata: objectMetadata,
  subsets: z
    .array(
      z.looseObject({
        addresses: z.array(address).nullish(),
        notReadyAddresses: z.array(address).nullish(),
        ports: z.array(port).nullish(),
      }),
    )
    .nullish(),
});

/** A discovery.k8s.io/v1 EndpointSlice. */
export const endpointSliceObject = z.object({
  metadata: objectMetadata,
  addressType: z.string(),
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(z.string()),
        conditions: z
          .looseObject({
            ready: z.boolean().nullish(),
            serving: z.boolean().nullish(),
            terminating: z.boolean().nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
  ports: z.array(port).nullish(),
});

/** A Secret: its values are in base64. */
export const secretObject = z.object({ data: z.record(z.string(), z.string()).nullish() });

/** A coordination.k8s.io/v1 Lease; what else stands there is written back as it is. */
export const leaseObject = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      leaseTransitions: z.number().nullish(),
      renewTime: z.string().nullish(),
    })
    .nullish(),
});

/** A list of Leases. */
export const leaseList = z.object({ items: z.array(leaseObject).nullish() });

/** A list of objects that are looked at one by one. */
export const objectList = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().nullish() }),
  items: z.array(z.unknown()).nullish(),
});

/** One line of a watch. */
export const watchEvent = z.object({
  type: z.enum(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]),
  object: z.unknown(),
});

/** What an API server says when it refuses. */
export const statusObject = z.object({
  code: z.number().nullish(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  details: z.object({ retryAfterSeconds: z.number().nullish() }).nullish(),
});

/** The version of an object of which nothing else is known. */
export const versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

export type ServiceObject = z.output<typeof serviceObject>;
export type EndpointsObject = z.output<typeof endpointsObject>;
export type EndpointSliceObject = z.output<typeof endpointSliceObject>;
export type LeaseObject = z.output<typeof leaseObject>;
