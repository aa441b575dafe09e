import type * as pulumi from "@pulumi/pulumi";

/** How to reach a bastion over SSH. The fields of `remote.ProxyConnection` of `@pulumi/command`, plus host keys. */
export interface ProxyConnectionArgs {
  /** Host name or address. */
  host: pulumi.Input<string>;
  /** SSH port. Default 22. */
  port?: pulumi.Input<number>;
  /** Login; any other user than root needs passwordless sudo. Default `root`. */
  user?: pulumi.Input<string>;
  /** Password, for password authentication. Kept secret. */
  password?: pulumi.Input<string>;
  /** Private key in OpenSSH or PEM format. Kept secret. */
  privateKey?: pulumi.Input<string>;
  /** Passphrase of the private key. Kept secret. */
  privateKeyPassword?: pulumi.Input<string>;
  /** Socket of an SSH agent. Default: none is asked. */
  agentSocketPath?: pulumi.Input<string>;
  /** The host's public key (`ssh-ed25519 AAAA...`) or its fingerprint (`SHA256:...`). Default: none, which is refused. */
  hostKey?: pulumi.Input<string>;
  /** Connect to whatever answers, without a host key. For throw-away labs only. Default false. */
  insecureIgnoreHostKey?: pulumi.Input<boolean>;
  /** Failed dials before giving up, -1 for no limit. Default 10. */
  dialErrorLimit?: pulumi.Input<number>;
  /** Seconds for each dial including the login, 0 for no limit. Default 15. */
  perDialTimeout?: pulumi.Input<number>;
}

/**
 * How to reach a director over SSH. The fields of `remote.Connection` of `@pulumi/command`, with one difference: a host
 * key is required, unless `insecureIgnoreHostKey` says otherwise. One of `privateKey`, `password` and `agentSocketPath` is
 * required too. A director's own fields win over those of its cluster.
 *
 * @example
 * { host: "10.1.1.2", user: "root", privateKey: config.requireSecret("key"), hostKey: "ssh-ed25519 AAAA..." }
 */
export interface ConnectionArgs extends Omit<ProxyConnectionArgs, "host"> {
  /** Host name or address. Default: the director's name. */
  host?: pulumi.Input<string>;
  /** A bastion to go through. */
  proxy?: ProxyConnectionArgs;
}
