import * as pulumi from "@pulumi/pulumi";
import type { ClusterHandle } from "../provider/fleet";
import { splitCredentials } from "../spec/credentials";
import type { ConnectionArgs } from "./connection";
import { providerStub, typeToken } from "./stub";

/** One node that forwards. */
export interface DirectorArgs {
  /** Unique name, used in outputs and errors; also the host to connect to where `connection` names none. */
  name: pulumi.Input<string>;
  /** How to reach it. Fields left out come from the cluster's `connection`. */
  connection?: ConnectionArgs;
}

/** Arguments of {@link Cluster}. */
export interface ClusterArgs {
  /** How directors are run. `ssh` (the default): over SSH, with nothing installed on them. */
  mode?: pulumi.Input<"ssh">;
  /** Defaults for every director's connection. */
  connection?: ConnectionArgs;
  /** The nodes that forward, 1 to 254, with unique names. */
  directors: DirectorArgs[];
}

/**
 * Directors that serve the same virtual servers. Creating it changes nothing on them: it proves that each can be
 * reached and has IPVS, all at the same time, and names every one that can't in one error.
 *
 * A director that is added gets every virtual server of the cluster in the same `up`; one that is removed loses them,
 * if it can still be reached.
 *
 * @example
 * const cluster = new Cluster("edge", {
 *   connection: { user: "root", privateKey: config.requireSecret("sshKey") },
 *   directors: [
 *     { name: "lb1", connection: { host: "10.1.1.2", hostKey: "ssh-ed25519 AAAA..." } },
 *     { name: "lb2", connection: { host: "10.1.1.3", hostKey: "ssh-ed25519 AAAA..." } },
 *   ],
 * });
 */
export class Cluster extends pulumi.CustomResource {
  /** What was found on each director, by its name: kernel release and ipvsadm version. */
  declare readonly nodes: pulumi.Output<Record<string, { kernel: string; ipvsadm: string }>>;
  /** What virtual and real servers need to act on this cluster. Secret: it holds the directors' connections. */
  readonly handle: pulumi.Output<ClusterHandle>;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.CustomResourceOptions) {
    const label = `${pulumi.getProject()}/${pulumi.getStack()} Cluster ${name}`;
    const { connection, directors } = args;
    const { open, credentials } = splitCredentials({ connection, directors });
    super(
      typeToken("Cluster"),
      name,
      {
        __provider: providerStub("Cluster"),
        name,
        label,
        mode: args.mode,
        connection: open.connection,
        directors: open.directors,
        credentials: pulumi.secret(credentials),
        nodes: undefined,
      },
      opts,
    );
    const handle = pulumi.all({ id: this.id, label, connection, directors });
    this.handle = pulumi.secret(handle) as unknown as pulumi.Output<ClusterHandle>;
  }
}
