import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { DECLARED_FOR, HEADLESS, SKIP_MIRROR } from "../../spec/kubernetes/keys";
import { type KubernetesDocument, readKubernetes } from "../../spec/yaml/first-form";
import { readFile } from "../read-file";
import { FileRefused } from "../refusal";
import { partOf } from "./children";
import { type ObjectMeta, withMetadata } from "./metadata";

/** Arguments of {@link ConfigFile}. */
export interface KubernetesConfigFileArgs {
  /** Path of a YAML file, from the program's folder. */
  file: string;
  /** Stands, with a `-`, before the names of its resources in Pulumi; names in the cluster stay. Default: none. */
  resourcePrefix?: string;
  /** Changes objects before they are made, one after the other, as those of @pulumi/kubernetes' ConfigFile. Default: none. */
  transformations?: ((object: KubernetesObject, opts: pulumi.CustomResourceOptions) => void)[];
}

/** An object as it stands in a file, for a transformation to change. */
export interface KubernetesObject {
  readonly kind: "Service" | "Endpoints";
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/**
 * A YAML file of HeYe's first version as Kubernetes objects: Services without a selector, and Endpoints with `calledSource`
 * and `healthCheckType`. The whole file is checked first: everything wrong with it is told with its line, and no object is made.
 *
 * The Endpoints become a declaration, as those of {@link HealthCheckedService}: the controller reads them, and writes which
 * servers are well into slices of its own.
 *
 * @example new ConfigFile("shop", { file: "shop.yaml" });
 */
export class ConfigFile extends pulumi.ComponentResource {
  /** Those of the file, by `NAMESPACE/NAME`, or `NAME` where the file names no namespace. */
  readonly services: Readonly<Record<string, k8s.core.v1.Service>>;
  /** The same of its Endpoints. */
  readonly endpoints: Readonly<Record<string, k8s.core.v1.Endpoints>>;

  constructor(name: string, args: KubernetesConfigFileArgs, opts?: pulumi.ComponentResourceOptions) {
    const { file, resourcePrefix, transformations = [] } = args;
    const what = `ConfigFile ${name}`;
    const { documents, problems } = readKubernetes(readFile(what, file));
    if (problems.length > 0) throw new FileRefused(what, file, problems);
    super("heye:kubernetes:ConfigFile", name, {}, opts);
    const prefix = resourcePrefix === undefined ? "" : `${resourcePrefix}-`;
    const services: Record<string, k8s.core.v1.Service> = {};
    const endpoints: Record<string, k8s.core.v1.Endpoints> = {};
    for (const document of documents) {
      const object = objectOf(document);
      const options = partOf(this, opts);
      for (const change of transformations) change(object, options);
      const { kind, metadata, ...rest } = object;
      const key = placeOf(document);
      // Both are checked, as far as they have not been transformed since.
      if (kind === "Service")
        services[key] = new k8s.core.v1.Service(
          `${prefix}${key}`,
          {
            ...rest,
            metadata: withMetadata(metadata, { annotations: { "pulumi.com/skipAwait": "true" } }),
          } as ServiceArgs,
          options,
        );
      else
        endpoints[key] = new k8s.core.v1.Endpoints(
          `${prefix}${key}`,
          { ...rest, metadata: withMetadata(metadata, { labels: declared(document.name) }) } as EndpointsArgs,
          options,
        );
    }
    this.services = services;
    this.endpoints = endpoints;
    this.registerOutputs({});
  }
}

type ServiceArgs = k8s.core.v1.ServiceArgs;
type EndpointsArgs = k8s.core.v1.EndpointsArgs;

/** What makes Endpoints a declaration. */
function declared(service: string): Record<string, string> {
  return { [DECLARED_FOR]: service, [HEADLESS]: "", [SKIP_MIRROR]: "true" };
}

function placeOf({ namespace, name }: KubernetesDocument): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** A copy, which transformations may change. */
function objectOf({ kind, object }: KubernetesDocument): KubernetesObject {
  const { apiVersion: _same, metadata, ...rest } = structuredClone(object);
  return { ...rest, kind, metadata: metadata as ObjectMeta };
}
