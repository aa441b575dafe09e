import { isRecord } from "./record";

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
  readonly etcd?: EtcdCredentials;
  readonly api?: ApiCredentials;
}

/** What proves that an agent is one of a cluster's, to clients of its API. */
export interface ApiCredentials {
  readonly tls?: { readonly key?: unknown };
}

/** What opens a cluster's etcd. */
export interface EtcdCredentials {
  readonly tls?: { readonly key?: unknown };
  readonly auth?: { readonly password?: unknown };
}

interface Parts {
  readonly etcd?: object | undefined;
  readonly api?: object | undefined;
  readonly connection?: object | undefined;
  readonly directors: readonly { readonly connection?: object | undefined }[];
}

/**
 * Takes the credentials out of a cluster's connections, its etcd and its API. Pulumi hides a whole list when anything in it is secret;
 * apart from each other, previews still show which directors come and go. Never throws: what is not what it should
 * be stays in its place for `parse` to refuse, but in place of an object that has secrets it may be one and goes with them.
 */
export function splitCredentials<C extends Parts>(cluster: C): { open: C; credentials: ClusterCredentials } {
  if (!isRecord(cluster)) return { open: cluster, credentials: { directors: [] } };
  const shared = splitConnection(cluster);
  const each = Array.isArray(cluster.directors) ? Array.from(cluster.directors, splitConnection) : undefined;
  const store = isPresent(cluster.etcd) ? splitAt(cluster.etcd, ETCD_SECRETS) : undefined;
  const served = isPresent(cluster.api) ? splitAt(cluster.api, API_SECRETS) : undefined;
  const { etcd: _, api: __, ...open } = shared.open as C & { etcd?: unknown; api?: unknown };
  return {
    open: {
      ...(open as C),
      ...(store?.open !== undefined && { etcd: store.open }),
      ...(served?.open !== undefined && { api: served.open }),
      ...(each && { directors: each.map(({ open }) => open) }),
    },
    credentials: {
      ...(isPresent(cluster.connection) && { connection: shared.secret }),
      directors: each?.map(({ secret }) => secret) ?? [],
      ...(store?.secret !== undefined && { etcd: store.secret as EtcdCredentials }),
      ...(served?.secret !== undefined && { api: served.secret as ApiCredentials }),
    },
  };
}

/** Puts the credentials back where {@link splitCredentials} took them from. Never throws, as that one. */
export function joinCredentials<C extends Parts>(cluster: C, credentials: ClusterCredentials | undefined): C {
  if (!isRecord(credentials) || !isRecord(cluster)) return cluster;
  const secrets: unknown[] = Array.isArray(credentials.directors) ? credentials.directors : [];
  const reached = joinConnection(cluster, credentials.connection);
  const whole = joinPart(joinPart(reached, "etcd", credentials.etcd), "api", credentials.api);
  if (!Array.isArray(cluster.directors)) return whole;
  return {
    ...whole,
    directors: Array.from(cluster.directors, (one, index) => joinConnection(one, secrets[index])),
  };
}

/** Where an etcd's secrets lie. */
const ETCD_SECRETS = [
  ["tls", "key"],
  ["auth", "password"],
] as const;

/** Where an API's secrets lie. */
const API_SECRETS = [["tls", "key"]] as const;

interface Split<T> {
  readonly open: T;
  readonly secret: Credentials;
}

function splitConnection<T>(owner: T): Split<T> {
  if (!isRecord(owner) || !isPresent(owner.connection)) return { open: owner, secret: {} };
  const { connection, ...others } = owner;
  if (!isRecord(connection)) return { open: others as T, secret: connection as Credentials };
  const { open, secret } = split(connection);
  return { open: { ...owner, connection: open }, secret };
}

function split(connection: Record<string, unknown>): Split<Record<string, unknown>> {
  const open = { ...connection };
  const secret: Record<string, unknown> = {};
  for (const field of CREDENTIAL_FIELDS) {
    if (open[field] !== undefined) secret[field] = open[field];
    delete open[field];
  }
  const { proxy } = connection;
  if (isRecord(proxy)) {
    const bastion = split(proxy);
    open.proxy = bastion.open;
    if (Object.keys(bastion.secret).length > 0) secret.proxy = bastion.secret;
  } else if (isPresent(proxy)) {
    delete open.proxy;
    secret.proxy = proxy;
  }
  return { open, secret };
}

function joinConnection<T>(owner: T, secret: unknown): T {
  if (!isRecord(owner) || !isPresent(secret)) return owner;
  const connection = join(owner.connection, secret);
  return isPresent(connection) ? { ...owner, connection } : owner;
}

function join(connection: unknown, secret: unknown): unknown {
  if (!isRecord(secret)) return connection ?? secret;
  if (Object.keys(secret).length === 0) return connection;
  const open = connection ?? {};
  if (!isRecord(open)) return connection;
  const { proxy, ...fields } = secret;
  const whole: Record<string, unknown> = { ...open, ...fields };
  if (isPresent(proxy)) whole.proxy = join(whole.proxy, proxy);
  return whole;
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Takes single fields out of an object's parts; what stands in place of one of these objects is taken out whole. */
function splitAt(
  value: unknown,
  places: readonly (readonly [part: string, field: string])[],
): { readonly open: unknown; readonly secret: unknown } {
  if (!isRecord(value)) return { open: undefined, secret: value };
  const open: Record<string, unknown> = { ...value };
  const secret: Record<string, unknown> = {};
  for (const [part, field] of places) {
    const whole = value[part];
    if (!isPresent(whole)) continue;
    if (!isRecord(whole)) {
      delete open[part];
      secret[part] = whole;
      continue;
    }
    const { [field]: hidden, ...rest } = whole;
    if (hidden === undefined) continue;
    open[part] = rest;
    secret[part] = { [field]: hidden };
  }
  return { open, secret: Object.keys(secret).length > 0 ? secret : undefined };
}

function joinPart<T>(cluster: T, name: "etcd" | "api", secret: unknown): T {
  if (!isPresent(secret) || !isRecord(cluster)) return cluster;
  const open = cluster[name];
  if (!isRecord(secret)) return { ...cluster, [name]: open ?? secret };
  if (!isRecord(open)) return cluster;
  const parts = Object.entries(secret).map(([part, hidden]) => {
    const shown = open[part];
    return [part, isRecord(shown) && isRecord(hidden) ? { ...shown, ...hidden } : (shown ?? hidden)];
  });
  return { ...cluster, [name]: { ...open, ...Object.fromEntries(parts) } };
}
