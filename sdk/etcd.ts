import type * as pulumi from "@pulumi/pulumi";

/** How directors and their etcd know each other. */
export interface EtcdTlsArgs {
  /** Certificates to trust in place of the system's, in PEM format. */
  ca?: pulumi.Input<string>;
  /** The agents' certificate, and those that it was signed with, in PEM format. Default: none is shown to etcd. */
  cert?: pulumi.Input<string>;
  /** The certificate's private key, in PEM format. Kept secret. */
  key?: pulumi.Input<string>;
}

/** A login, where etcd has authentication enabled. */
export interface EtcdAuthArgs {
  /** User of etcd. */
  user: pulumi.Input<string>;
  /** That user's password. Kept secret. */
  password: pulumi.Input<string>;
}

/**
 * The etcd that the directors of a cluster share what is declared by. It holds what is registered on them, passwords of health
 * checks among it: use TLS, and a role that reaches the prefix alone.
 *
 * Clusters on the same directors have to declare the same etcd.
 *
 * @example
 * { endpoints: ["https://10.0.0.5:2379"], tls: { ca, cert, key: config.requireSecret("etcdKey") }, prefix: "/heye/edge" }
 */
export interface EtcdArgs {
  /** Where its members take clients: `https://HOST:PORT`, 1 to 32 of them. */
  endpoints: pulumi.Input<pulumi.Input<string>[]>;
  /** How directors and etcd know each other. Default: https endpoints are verified by the system's certificates. */
  tls?: EtcdTlsArgs;
  /** A login, where etcd has authentication enabled. Default: none. */
  auth?: EtcdAuthArgs;
  /** Below which all keys of the cluster lie. Default: `/heye/` and the cluster's id. */
  prefix?: pulumi.Input<string>;
}
