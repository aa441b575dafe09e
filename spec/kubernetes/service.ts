import * as z from "zod";
import { familyOf } from "../address";
import { port, wholeNumber, word } from "../fields";
import { healthCheck } from "../health-check";
import { type IsUnknown, parse } from "../parse";
import type { Problem } from "../problem";
import { isRecord } from "../record";
import { serverAddress } from "../server-address";
import { V1_CHECK_TYPES } from "./keys";
import { labelName, metadata, objectName, serviceName } from "./names";

/** Kubernetes takes so many endpoints in a slice, and so many addresses in a subset. */
const ADDRESSES_MAX = 1_000;

/** Schema of a port of a Service whose servers are checked. */
const servicePort = z.strictObject({
  name: labelName.optional(),
  port,
  targetPort: port.optional().describe("port of the servers; default: port"),
  protocol: word(["TCP", "UDP", "SCTP"]).default("TCP").describe("transport protocol"),
  nodePort: wholeNumber(1, 65_535).optional().describe("port on every node"),
  appProtocol: z.string({ error: "expected text" }).optional().describe("what is spoken there"),
});

/** Schema of a Service whose servers are addresses outside the cluster, with their health check. */
export const healthCheckedService = z.strictObject({
  metadata: metadata(serviceName).optional(),
  ports: z
    .array(servicePort, { error: "expected a list of ports" })
    .min(1, { error: "expected at least one port" })
    .max(100, { error: "expected at most 100 ports" }),
  addresses: z
    .array(serverAddress, { error: "expected a list of addresses" })
    .max(ADDRESSES_MAX, { error: `expected at most ${ADDRESSES_MAX} addresses` }),
  healthCheck: healthCheck.optional(),
  healthCheckType: word(V1_CHECK_TYPES).optional(),
  calledSource: z
    .string({ error: "expected text" })
    .min(1, { error: "expected text, found none" })
    .optional(),
  healthCheckSecret: objectName.optional(),
  kind: word(["EndpointSlice", "Endpoints"]).default("EndpointSlice"),
});

/**
 * Everything wrong with a Service whose servers are checked, as a program has it: each field by itself, and the rules
 * between them. What is not known yet is left out.
 */
export function healthCheckedServiceProblems(input: unknown, isUnknown: IsUnknown = () => false): Problem[] {
  const { value, problems } = parse(healthCheckedService, withKnownMetadata(input, isUnknown), isUnknown);
  return [...problems, ...portRules(value.ports), ...addressRules(value.addresses)];
}

/** Of an object's metadata only what Kubernetes holds to a form; the rest is for Kubernetes to judge. */
export function withKnownMetadata(input: unknown, isUnknown: IsUnknown): unknown {
  if (!isRecord(input) || isUnknown(input.metadata) || !isRecord(input.metadata)) return input;
  const { name, namespace, labels, annotations } = input.metadata;
  return { ...input, metadata: { name, namespace, labels, annotations } };
}

function portRules(ports: unknown): Problem[] {
  if (!Array.isArray(ports) || ports.length < 2) return [];
  const seen = new Map<unknown, number>();
  return ports.flatMap((one: { name?: unknown } | undefined, index) => {
    const name = one?.name;
    if (name === undefined)
      return [
        { path: ["ports", index, "name"], reason: "expected a name, found nothing: there are several ports" },
      ];
    const first = seen.get(name);
    if (typeof name !== "string" || first === undefined) {
      seen.set(name, index);
      return [];
    }
    const reason = `expected a name of its own, but ${name} is ports[${first}] too`;
    return [{ path: ["ports", index, "name"], reason }];
  });
}

function addressRules(addresses: unknown): Problem[] {
  if (!Array.isArray(addresses)) return [];
  const known = addresses.map((one: unknown) => (typeof one === "string" ? one : undefined));
  const first = known.find((one) => one !== undefined);
  return known.flatMap((one, index) => {
    if (one === undefined || first === undefined) return [];
    const twin = known.indexOf(one);
    if (twin < index)
      return [
        {
          path: ["addresses", index],
          reason: `expected each address once, but ${one} is addresses[${twin}] too`,
        },
      ];
    if (familyOf(one) === familyOf(first)) return [];
    const reason = `expected an ${familyOf(first)} address like the first one, found ${one}: a slice holds one family`;
    return [{ path: ["addresses", index], reason }];
  });
}
