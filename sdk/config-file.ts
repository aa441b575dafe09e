import * as pulumi from "@pulumi/pulumi";
import type { Declared } from "../spec/yaml";
import type { Cluster } from "./cluster";
import { readFile } from "./read-file";
import { RealServer, type RealServerArgs } from "./real-server";
import { FileRefused } from "./refusal";
import { VirtualServer, type VirtualServerArgs } from "./virtual-server";

/** Arguments of {@link ConfigFile}. */
export interface ConfigFileArgs {
  /** The directors that serve what the file declares. */
  cluster: Cluster;
  /** Path of a YAML file, from the program's folder. */
  file: string;
  /** What `!secret NAME` in the file stands for, by name. Default: none. */
  secrets?: Record<string, pulumi.Input<string>>;
  /** Stands, with a `-`, before the names of its resources. Default: none, so names are those of the file. */
  resourcePrefix?: string;
}

/**
 * A YAML file of virtual servers: in our own form, whose `spec` is word for word the arguments of {@link VirtualServer} and
 * {@link RealServer}, or in the form of HeYe's second version (`virtual_server`, `real_server`). See docs/yaml.md. The whole
 * file is checked first: everything wrong with it is told with its line, and no resource is made.
 *
 * @example
 * const shop = new ConfigFile("shop", {
 *   cluster,
 *   file: "shop.yaml",
 *   secrets: { dbPassword: config.requireSecret("dbPassword") },
 * });
 * export const web = shop.virtualServer("web").key;
 */
export class ConfigFile extends pulumi.ComponentResource {
  /** What the file declares, by the names in it. */
  readonly virtualServers: Readonly<Record<string, VirtualServer>>;
  /** The servers that are documents of their own, by the names in it. */
  readonly realServers: Readonly<Record<string, RealServer>>;

  constructor(name: string, args: ConfigFileArgs, opts?: pulumi.ComponentResourceOptions) {
    const declared = declaredIn(`ConfigFile ${name}`, args);
    super("heye:index:ConfigFile", name, {}, opts);
    const options = { parent: this, ...(opts?.dependsOn !== undefined && { dependsOn: opts.dependsOn }) };
    const prefix = args.resourcePrefix === undefined ? "" : `${args.resourcePrefix}-`;
    const { cluster, secrets = {} } = args;
    const virtualServers: Record<string, VirtualServer> = {};
    const realServers: Record<string, RealServer> = {};
    for (const one of declared) {
      if (one.kind !== "VirtualServer") continue;
      // The file has been checked against the specification, which sdk.test.ts holds against these types.
      const its = { ...withSecrets(one.args, secrets), cluster } as unknown as VirtualServerArgs;
      virtualServers[one.name] = new VirtualServer(`${prefix}${one.name}`, its, options);
    }
    for (const one of declared) {
      const virtualServer = virtualServers[one.virtualServer ?? ""];
      if (one.kind !== "RealServer" || virtualServer === undefined) continue;
      const its = { ...withSecrets(one.args, secrets), virtualServer } as unknown as RealServerArgs;
      realServers[one.name] = new RealServer(`${prefix}${one.name}`, its, options);
    }
    this.virtualServers = virtualServers;
    this.realServers = realServers;
    const keys = Object.entries(virtualServers).map(([of, { key }]) => [of, key]);
    this.registerOutputs({ keys: Object.fromEntries(keys) });
  }

  /**
   * A virtual server by its name in the file.
   *
   * @throws RangeError when there is none
   */
  virtualServer(name: string): VirtualServer {
    const found = this.virtualServers[name];
    if (found) return found;
    const known = Object.keys(this.virtualServers).join(", ");
    throw new RangeError(`expected the name of a VirtualServer of the file (${known}), found ${name}`);
  }
}

/** Loaded here and not with the program: one without files needs no reader of YAML. */
function declaredIn(what: string, { file, secrets = {} }: ConfigFileArgs): Declared[] {
  const { readConfig } = require("../spec/yaml") as typeof import("../spec/yaml");
  const { declared, problems } = readConfig(readFile(what, file), Object.keys(secrets));
  if (problems.length > 0) throw new FileRefused(what, file, problems);
  return declared;
}

/** The same data with what the file leaves to the program, which is secret there. */
function withSecrets(
  args: Readonly<Record<string, unknown>>,
  secrets: Readonly<Record<string, pulumi.Input<string>>>,
): Record<string, unknown> {
  const { SecretReference } = require("../spec/yaml") as typeof import("../spec/yaml");
  const filled = (value: unknown): unknown => {
    if (value instanceof SecretReference) return pulumi.secret(secrets[value.name] ?? "");
    if (Array.isArray(value)) return value.map(filled);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one)]));
  };
  return Object.fromEntries(Object.entries(args).map(([key, one]) => [key, filled(one)]));
}
