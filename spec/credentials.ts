import type { Connection } from "./connection";

/** The fields of a connection that open a door. */
export const CREDENTIAL_FIELDS = ["password", "privateKey", "privateKeyPassword"] as const;

/** The credentials of one connection and of its bastion. */
export interface Credentials {
  readonly password?: unknown;
  readonly privateKey?: unknown;
  readonly privateKeyPassword?: unknown;
  readonly proxy?: Credentials;
}

/** The credentials of a whole cluster; directors by their place in the list. */
export interface ClusterCredentials {
  readonly connection?: Credentials;
  readonly directors: readonly Credentials[];
}

interface Parts {
  readonly connection?: object | undefined;
  readonly directors: readonly { readonly connection?: object | undefined }[];
}

/**
 * Takes the credentials out of a cluster's connections. Pulumi hides a whole list when anything in it is secret;
 * apart from each other, previews still show which directors come and go.
 */
export function splitCredentials<C extends Parts>(cluster: C): { open: C; credentials: ClusterCredentials } {
  const shared = split(cluster.connection);
  const each = cluster.directors.map((one) => ({ one, ...split(one.connection) }));
  const directors = each.map(({ one, open }) => (open ? { ...one, connection: open } : one));
  const connection = shared.open && { connection: shared.open };
  return {
    open: { ...cluster, ...connection, directors },
    credentials: {
      ...(shared.open && { connection: shared.secret }),
      directors: each.map(({ secret }) => secret),
    },
  };
}

/** Puts the credentials back where {@link splitCredentials} took them from. */
export function joinCredentials<C extends Parts>(cluster: C, credentials: ClusterCredentials | undefined): C {
  if (!credentials) return cluster;
  const directors = cluster.directors.map((one, index) => {
    const connection = join(one.connection, credentials.directors[index]);
    return connection ? { ...one, connection } : one;
  });
  const connection = join(cluster.connection, credentials.connection);
  return { ...cluster, ...(connection && { connection }), directors };
}

function split(connection: object | undefined): { open: object | undefined; secret: Credentials } {
  if (!connection) return { open: undefined, secret: {} };
  const open: Record<string, unknown> = { ...connection };
  const secret: Record<string, unknown> = {};
  for (const field of CREDENTIAL_FIELDS) {
    if (open[field] !== undefined) secret[field] = open[field];
    delete open[field];
  }
  const { proxy } = connection as Connection;
  if (typeof proxy === "object" && proxy !== null) {
    const bastion = split(proxy);
    open.proxy = bastion.open;
    if (Object.keys(bastion.secret).length > 0) secret.proxy = bastion.secret;
  }
  return { open, secret };
}

function join(connection: object | undefined, secret: Credentials | undefined): object | undefined {
  if (!secret || Object.keys(secret).length === 0) return connection;
  const { proxy, ...fields } = secret;
  const whole: Record<string, unknown> = { ...connection, ...fields };
  if (proxy) whole.proxy = join(whole.proxy as object | undefined, proxy);
  return whole;
}
