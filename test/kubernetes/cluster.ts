/** What tests do with a cluster: by kubectl, as a user would. */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { manifest } from "../../kubernetes";
import { CONTROLLER, CONTROLLER_NAMESPACE, ownRules } from "../../spec/kubernetes";
import { ControlPlane, type Place } from "./control-plane";
import { endLeftovers } from "./leftovers";

/** A request that changed something, as the API server has noted it down. */
export interface Write {
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: number;
}

const auditLine = z.object({
  verb: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      resource: z.string(),
      namespace: z.string().default(""),
      name: z.string().default(""),
    })
    .optional(),
  responseStatus: z.object({ code: z.number() }).optional(),
});

/** The ServiceAccount that the manifest makes, as its requests are signed. */
const ACCOUNT = `system:serviceaccount:heye-system:${CONTROLLER}`;

/** A cluster with the controller's manifest in it, one for all tests of a run; each test has a namespace of its own. */
export class Cluster {
  static #shared: Promise<Cluster> | undefined;
  readonly plane: ControlPlane;
  #namespaces = 0;

  private constructor(plane: ControlPlane) {
    this.plane = plane;
  }

  /** The cluster, which is started when it is asked for first. */
  static shared(): Promise<Cluster> {
    Cluster.#shared ??= Cluster.start();
    return Cluster.#shared;
  }

  /** Ends it, if it was started. */
  static async stopShared(): Promise<void> {
    endLeftovers();
    const started = await Cluster.#shared?.catch(() => undefined);
    await started?.stop();
  }

  /** Ends it. */
  stop(): Promise<void> {
    return this.plane.stop();
  }

  /** Another one. @param place where; default: in this network */
  static async start(place?: Place): Promise<Cluster> {
    const cluster = new Cluster(await ControlPlane.start(place));
    await cluster.apply({ apiVersion: "v1", kind: "List", items: manifest() });
    return cluster;
  }

  /** Runs kubectl as the administrator. @returns what it says */
  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.plane.kubectl(args, input);
  }

  /** `kubectl apply`: of JSON, or of text as a user writes it. */
  async apply(objects: object | string, ...args: string[]): Promise<string> {
    const text = typeof objects === "string" ? objects : JSON.stringify(objects);
    return this.kubectl(["apply", "-f", "-", ...args], text);
  }

  /** An object, as `schema` has it. */
  async get<T>(schema: z.ZodType<T>, namespace: string, kind: string, name: string): Promise<T> {
    return schema.parse(JSON.parse(await this.kubectl(["get", "-n", namespace, kind, name, "-o", "json"])));
  }

  /** A namespace that is new. */
  async namespace(): Promise<string> {
    const name = `test-${process.pid}-${++this.#namespaces}`;
    await this.kubectl(["create", "namespace", name]);
    return name;
  }

  /** Lets the controller have Leases in a namespace: replicas whose Leases are there share with no others. */
  async allowLeases(namespace: string): Promise<void> {
    const metadata = { name: `${CONTROLLER}-leases`, namespace };
    const apiVersion = "rbac.authorization.k8s.io/v1";
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name };
    const subjects = [{ kind: "ServiceAccount", name: CONTROLLER, namespace: CONTROLLER_NAMESPACE }];
    const items = [
      { apiVersion, kind: "Role", metadata, rules: ownRules() },
      { apiVersion, kind: "RoleBinding", metadata, roleRef, subjects },
    ];
    await this.apply({ apiVersion: "v1", kind: "List", items });
  }

  /** A kubeconfig of the controller's own ServiceAccount, which may do what the manifest's roles say. */
  async accountConfig(server?: { readonly url: string; readonly caFile: string }): Promise<string> {
    const token = await this.kubectl(["create", "token", CONTROLLER, "-n", "heye-system"]);
    return this.plane.writeConfig(server ? "account-by-proxy" : "account", { token: token.trim() }, server);
  }

  /** What the controller has written in a namespace so far, refused requests among it; not its Events and Leases. */
  writes(namespace: string): Write[] {
    const lines = readFileSync(this.plane.auditLog, "utf8").split("\n");
    return lines.flatMap((line): Write[] => {
      if (!line.includes(namespace) || !line.includes(ACCOUNT)) return [];
      const { verb, user, objectRef, responseStatus } = auditLine.parse(JSON.parse(line));
      if (objectRef?.namespace !== namespace) return [];
      const { resource, name } = objectRef;
      if (resource === "events" || resource === "leases") return [];
      const status = responseStatus?.code ?? 0;
      return [{ user: user.username, verb, resource, namespace, name, status }];
    });
  }

  /** How many writes of the controller have succeeded in a namespace. */
  writeCount(namespace: string): number {
    return this.writes(namespace).filter(({ status }) => status < 300).length;
  }

  /** Messages of the controller's Events in a namespace, by reason; Kubernetes has its own to tell. */
  async events(namespace: string): Promise<{ reason: string; message: string; name: string }[]> {
    const list = z.object({
      items: z.array(
        z.object({
          reason: z.string(),
          message: z.string(),
          involvedObject: z.object({ name: z.string() }),
          reportingComponent: z.string().default(""),
        }),
      ),
    });
    const said = list.parse(JSON.parse(await this.kubectl(["get", "events", "-n", namespace, "-o", "json"])));
    const ours = said.items.filter(({ reportingComponent }) => reportingComponent === "heye.io/kubernetes");
    return ours.map(({ reason, message, involvedObject }) => ({
      reason,
      message,
      name: involvedObject.name,
    }));
  }
}
