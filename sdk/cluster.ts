import * as pulumi from "@pulumi/pulumi";
import type { Scheduler } from "../spec";
import { splitCredentials } from "../spec/credentials";
import { seal } from "../spec/seal";
import type { ApiArgs } from "./api";
import type { ConnectionArgs } from "./connection";
import type { EtcdArgs } from "./etcd";
import type { RolloutArgs, SettingsArgs, TimeoutsArgs } from "./settings";
import { providerStub, typeToken } from "./stub";
import { withoutStacks } from "./without-stacks";

/** One node that forwards. */
export interface DirectorArgs {
  /** Unique name, used in outputs and errors; also the host to connect to where `connection` names none. */
  name: pulumi.Input<string>;
  /** How to reach it. Fields left out come from the cluster's `connection`. */
  connection?: ConnectionArgs;
}

/** Arguments of {@link Cluster}. */
export interface ClusterArgs {
  /**
   * How directors are run. `ssh` (the default): with nothing installed on them; nothing is checked between changes.
   * `agent`: a daemon on each keeps the table as declared and checks the servers all the time. It is installed over SSH,
   * and needs Node 22 or newer there.
   */
  mode?: pulumi.Input<"ssh" | "agent">;
  /**
   * What agents do when somebody else changes entries of ours: `repair` (the default) takes it back, within 2 s; `report`
   * leaves it, logs it and counts it. With `mode: "agent"` alone.
   */
  driftPolicy?: pulumi.Input<"repair" | "report">;
  /** Defaults for every director's connection. */
  connection?: ConnectionArgs;
  /** The nodes that forward, 1 to 254, with unique names. */
  directors: DirectorArgs[];
  /**
   * The etcd that directors share what is declared by: then they act as one, whoever changes them, and a director that
   * was away follows by itself. With `mode: "agent"` alone, and without `rollout`. Default: none, each director has its own file.
   */
  etcd?: EtcdArgs;
  /**
   * The agents' REST API on TCP, by TLS with certificates on both sides. With `mode: "agent"` alone. Default: none, the
   * API is on each director's unix socket.
   */
  api?: ApiArgs;
  /** Kernel settings of every director. */
  settings?: pulumi.Input<SettingsArgs>;
  /** After how many idle seconds IPVS forgets a connection. */
  timeouts?: pulumi.Input<TimeoutsArgs>;
  /** A systemd unit restores settings and entries when a director boots. Default false. */
  restoreAtBoot?: pulumi.Input<boolean>;
  /** Where virtual addresses are put on the directors: on `lo`, or on a dummy device. Default `none`: nowhere. */
  addresses?: pulumi.Input<"none" | "lo" | "dummy">;
  /** Install the programs that a director lacks, with apt-get, dnf or yum. Default false. */
  install?: pulumi.Input<boolean>;
  /** Programs that edit IPVS entries too, and may run on the directors all the same. Default none. */
  coexist?: pulumi.Input<pulumi.Input<"keepalived" | "kube-proxy">[]>;
  /** In which waves a change goes over the directors. Default: all at the same time. */
  rollout?: pulumi.Input<RolloutArgs>;
  /** What a change does with a director that cannot be reached. Default `fail`. */
  unreachable?: pulumi.Input<"fail" | "skip">;
}

/** What was found on a director. */
export interface NodeOutput {
  /** Release of its kernel (`uname -r`). */
  readonly kernel: string;
  /** What `ipvsadm --version` says. */
  readonly ipvsadm: string;
  /** `uname -m` */
  readonly architecture: string;
  /** Name and version of its distribution. */
  readonly distribution: string;
  /** Schedulers that its kernel has, or can load. */
  readonly schedulers: readonly Scheduler[];
  /** How many milliseconds its clock is ahead of the machine that ran Pulumi, to about a quarter of a second. */
  readonly clockSkewMs: number;
}

/**
 * Directors that serve the same virtual servers. Creating it proves that each can be reached and has IPVS, all at the same
 * time, and names every one that can't in one error. It changes nothing on them but what `settings`, `timeouts`,
 * `restoreAtBoot`, `install` and `addresses` ask for.
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
  /** What was found on each director, by its name. */
  declare readonly nodes: pulumi.Output<Record<string, NodeOutput>>;
  /** After `refresh`: settings that differ from the declared ones, by director; absent when none does. */
  declare readonly drift: pulumi.Output<Record<string, string[]> | undefined>;
  /** Directors that were left out of the last change, and why. The next `up` tries again. */
  declare readonly behind: pulumi.Output<Record<string, string> | undefined>;
  /** What virtual and real servers need to act on this cluster. Secret: it holds the directors' connections. */
  readonly handle: pulumi.Output<string>;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.CustomResourceOptions) {
    const label = `${pulumi.getProject()}/${pulumi.getStack()} Cluster ${name}`;
    const { mode, connection, directors, etcd, api, ...declared } = args;
    const { driftPolicy, settings, rollout, unreachable } = declared;
    const { open, credentials } = splitCredentials({ connection, directors, etcd, api });
    const withStacks = withoutStacks();
    try {
      super(
        typeToken("Cluster"),
        name,
        {
          __provider: providerStub("Cluster"),
          name,
          label,
          mode,
          connection: open.connection,
          directors: open.directors,
          etcd: open.etcd,
          api: open.api,
          credentials: pulumi.secret(credentials),
          ...declared,
          nodes: undefined,
          drift: undefined,
          behind: undefined,
        },
        opts,
      );
    } finally {
      withStacks();
    }
    const run = pulumi.output(mode).apply((one) => (one === "agent" ? one : undefined));
    const parts = {
      id: this.id,
      label,
      mode: run,
      driftPolicy,
      connection,
      directors,
      settings,
      rollout,
      unreachable,
    };
    this.handle = pulumi.secret(pulumi.all(parts).apply(seal));
  }
}
