import * as z from "zod";
import { port, wholeNumber, word } from "../fields";
import { CALLED_SOURCE, HEALTH_CHECK, HEALTH_CHECK_TYPE, V1_CHECK_TYPES } from "../kubernetes/keys";
import { labelName, metadata, serviceName } from "../kubernetes/names";
import { parse } from "../parse";
import type { Problem } from "../problem";
import { isRecord } from "../record";
import { serverAddress } from "../server-address";
import { placed, readDocuments, type YamlDocument, type YamlProblem } from "./documents";
import type { Reading } from "./own-form";

/** A Kubernetes object as HeYe's first version has it: a Service, or the Endpoints of one. */
export interface KubernetesDocument {
  readonly kind: "Service" | "Endpoints";
  readonly name: string;
  /** Absent: where the file is read to. */
  readonly namespace?: string | undefined;
  /** As it stands in the file; its fields are checked. */
  readonly object: Readonly<Record<string, unknown>>;
}

/** Fields that are Kubernetes' to judge; that they are known is ours. */
const free = <const K extends readonly string[]>(keys: K) =>
  Object.fromEntries(keys.map((key) => [key, z.unknown()])) as Record<K[number], z.ZodUnknown>;

const object = {
  apiVersion: z.literal("v1", { error: "expected v1" }),
  metadata: metadata(serviceName).required({ name: true }),
};
const protocol = word(["TCP", "UDP", "SCTP"]).optional();

const service = z.strictObject({
  kind: z.literal("Service"),
  ...object,
  spec: z.strictObject({
    ports: z
      .array(
        z.strictObject({
          name: labelName.optional(),
          port,
          targetPort: z.unknown(),
          nodePort: wholeNumber(1, 65_535).optional(),
          protocol,
          appProtocol: z.unknown(),
        }),
        { error: "expected a list of ports" },
      )
      .min(1, { error: "expected at least one port" }),
    // The fields of ServiceSpec in Kubernetes 1.36, but for ports and selector.
    ...free([
      "allocateLoadBalancerNodePorts",
      "clusterIP",
      "clusterIPs",
      "externalIPs",
      "externalTrafficPolicy",
      "healthCheckNodePort",
      "internalTrafficPolicy",
      "ipFamilies",
      "ipFamilyPolicy",
      "loadBalancerClass",
      "loadBalancerIP",
      "loadBalancerSourceRanges",
      "publishNotReadyAddresses",
      "sessionAffinity",
      "sessionAffinityConfig",
      "trafficDistribution",
      "type",
    ]),
  }),
});

const endpointAddress = z.strictObject({ ip: serverAddress, ...free(["hostname", "nodeName", "targetRef"]) });

const endpoints = z.strictObject({
  kind: z.literal("Endpoints"),
  ...object,
  subsets: z
    .array(
      z.strictObject({
        addresses: z.array(endpointAddress, { error: "expected a list of addresses" }).optional(),
        notReadyAddresses: z.array(endpointAddress, { error: "expected a list of addresses" }).optional(),
        ports: z
          .array(z.strictObject({ name: labelName.optional(), port, protocol, appProtocol: z.unknown() }), {
            error: "expected a list of ports",
          })
          .min(1, { error: "expected at least one port" }),
      }),
      { error: "expected a list of subsets" },
    )
    .min(1, { error: "expected at least one subset" }),
});

interface ServiceForm extends z.output<typeof service> {}
interface EndpointsForm extends z.output<typeof endpoints> {}

/**
 * Reads a file of HeYe's first version: Services without a selector, and Endpoints with the annotations `calledSource` and
 * `healthCheckType` (or ours in their place), whose port names are those of their Service.
 *
 * @returns documents: what can be trusted if there are no problems
 */
export function readKubernetes(text: string): { documents: KubernetesDocument[]; problems: YamlProblem[] } {
  const { documents, problems } = readDocuments(text);
  if (documents.length === 0 && problems.length === 0)
    problems.push({ line: 1, reason: "expected at least one document, found none" });
  const read = documents.map((document) => ({ document, ...readObject(document.value) }));
  const known = read.flatMap(({ document, value }) => (value ? [{ document, value }] : []));
  const all = [
    ...problems,
    ...read.flatMap(({ document, problems: own }) => placed(document, own)),
    ...secretProblems(documents),
    ...twins(known),
    ...pairProblems(known),
  ];
  return { documents: known.map(({ value }) => value), problems: all.sort((a, b) => a.line - b.line) };
}

interface Known {
  readonly document: YamlDocument;
  readonly value: KubernetesDocument;
}

function readObject(value: unknown): Reading<KubernetesDocument> {
  if (!isRecord(value)) return { value: undefined, problems: [{ path: [], reason: "expected a mapping" }] };
  if (value.kind === "Service")
    return documentOf("Service", value, parse(service, withSelectorApart(value)).problems);
  if (value.kind === "Endpoints")
    return documentOf("Endpoints", value, [
      ...parse(endpoints, value).problems,
      ...annotationProblems(value),
    ]);
  const reason =
    "virtual_server" in value || "real_server" in value
      ? "expected Service or Endpoints, found a document for directors: read it with ConfigFile of pulumi-heye"
      : `expected one of Service, Endpoints, found ${JSON.stringify(value.kind) ?? "nothing"}`;
  return { value: undefined, problems: [{ path: ["kind"], reason }] };
}

/** What Kubernetes finds by a selector it checks itself; the words of an unknown property would mislead. */
function withSelectorApart(value: Record<string, unknown>): Record<string, unknown> {
  if (!isRecord(value.spec) || !isRecord(value.spec.selector) || Object.keys(value.spec.selector).length > 0)
    return value;
  const { selector: _none, ...spec } = value.spec;
  return { ...value, spec };
}

function documentOf(
  kind: KubernetesDocument["kind"],
  value: Record<string, unknown>,
  problems: readonly Problem[],
): Reading<KubernetesDocument> {
  const { name, namespace } = isRecord(value.metadata) ? value.metadata : {};
  if (problems.length > 0) return { value: undefined, problems };
  return {
    value: {
      kind,
      name: String(name),
      ...(typeof namespace === "string" && { namespace }),
      object: value,
    },
    problems,
  };
}

function annotationProblems({ metadata: of }: Record<string, unknown>): Problem[] {
  const annotations = isRecord(of) && isRecord(of.annotations) ? of.annotations : {};
  if (annotations[HEALTH_CHECK] !== undefined) return [];
  const at = (key: string, reason: string) => ({ path: ["metadata", "annotations", key], reason });
  const type = annotations[HEALTH_CHECK_TYPE];
  return [
    ...(annotations[CALLED_SOURCE] === undefined
      ? [at(CALLED_SOURCE, "expected any text, found nothing")]
      : []),
    ...(V1_CHECK_TYPES.some((one) => one === type)
      ? []
      : [
          at(
            HEALTH_CHECK_TYPE,
            `expected one of ${V1_CHECK_TYPES.join(", ")}, found ${JSON.stringify(type) ?? "nothing"}`,
          ),
        ]),
  ];
}

function secretProblems(documents: readonly YamlDocument[]): YamlProblem[] {
  return documents.flatMap((document) =>
    placed(
      document,
      document.secrets.map(({ path }) => ({
        path,
        reason: "expected no secret: whoever may read the object reads it",
      })),
    ),
  );
}

function keyOf({ kind, namespace = "", name }: KubernetesDocument): string {
  return `${kind} ${namespace}/${name}`;
}

function twins(known: readonly Known[]): YamlProblem[] {
  const first = new Map<string, number>();
  return known.flatMap(({ document, value }) => {
    const key = keyOf(value);
    const before = first.get(key);
    first.set(key, before ?? document.lineOf([]));
    if (before === undefined) return [];
    return [
      { line: document.lineOf([]), reason: `expected each object once, but ${key} is in line ${before} too` },
    ];
  });
}

/** Servers are joined to a Service by the names of ports: each name has to be on both sides. */
function pairProblems(known: readonly Known[]): YamlProblem[] {
  const services = new Map(
    known.flatMap(({ value }) => (value.kind === "Service" ? [[keyOf(value), value]] : [])),
  );
  return known.flatMap(({ document, value }) => {
    const its = value.kind === "Endpoints" && services.get(keyOf({ ...value, kind: "Service" }));
    if (!its) return [];
    const theirs = namesOf((its.object as unknown as ServiceForm).spec.ports);
    return (value.object as unknown as EndpointsForm).subsets.flatMap(({ ports }, subset) =>
      ports.flatMap(({ name = "" }, index) => {
        if (theirs.includes(name)) return [];
        const path = ["subsets", subset, "ports", index, "name"];
        const reason = `expected the name of a port of the Service ${value.name} (${theirs.map(quoted).join(", ")}), found ${quoted(name)}`;
        return placed(document, [{ path, reason }]);
      }),
    );
  });
}

function namesOf(ports: readonly { readonly name?: string | undefined }[]): string[] {
  return ports.map(({ name }) => name ?? "");
}

function quoted(name: string): string {
  return name === "" ? "one without a name" : name;
}
