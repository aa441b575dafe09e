import type * as pulumi from "@pulumi/pulumi";

/** How agents and clients of their API know each other. TLS 1.3, with certificates on both sides. */
export interface ApiTlsArgs {
  /** Authorities whose client certificates are taken, in PEM format. Take one that signs for nothing else. */
  ca: pulumi.Input<string>;
  /** The agents' certificate, and those that it was signed with, in PEM format. */
  cert: pulumi.Input<string>;
  /** The certificate's private key, in PEM format. Kept secret. */
  key: pulumi.Input<string>;
}

/**
 * The agents' REST API on TCP. Who may do what is said by the names in a client's certificate: its common name, and its
 * alternative names. A name counts whole, as it is written there.
 *
 * Clusters on the same directors have to declare the same API.
 *
 * @example
 * { listen: "0.0.0.0:9443", tls: { ca, cert, key: config.requireSecret("apiKey") }, readWrite: ["deploy"], readOnly: ["monitor"] }
 */
export interface ApiArgs {
  /** Address and port on every director: `10.1.1.2:9443`; `0.0.0.0:9443` or `[::]:9443` for all of its addresses. */
  listen: pulumi.Input<string>;
  /** How agents and clients know each other. */
  tls: ApiTlsArgs;
  /** Names of clients that may read. Default: none. */
  readOnly?: pulumi.Input<pulumi.Input<string>[]>;
  /** Names of clients that may also change what is declared. Default: none. */
  readWrite?: pulumi.Input<pulumi.Input<string>[]>;
}
