import { type Actor, connectionKey, Director, SessionPool } from "../director";
import { type Connection, type Director as DirectorSpec, directorConnection, endpoint } from "../spec";

/** What a cluster hands to the resources on it: who they act as, and how to reach the directors. Always secret. */
export interface ClusterHandle {
  readonly id: string;
  readonly label: string;
  readonly connection?: Connection;
  readonly directors: readonly DirectorSpec[];
}

/**
 * The directors this process talks to. Pulumi serves all resources of one operation from one process, so sessions and
 * groups of changes are shared among them.
 */
export class Fleet {
  readonly #pool = new SessionPool();
  readonly #directors = new Map<string, Director>();

  /** The directors of a cluster, in its order. The same host under the same login is the same director. */
  of(cluster: Pick<ClusterHandle, "connection" | "directors">): Director[] {
    return cluster.directors.map((one) => {
      const connection = directorConnection(cluster.connection, one);
      const key = `${one.name} ${connectionKey(connection)}`;
      const known = this.#directors.get(key) ?? new Director(one.name, connection, this.#pool);
      this.#directors.set(key, known);
      return known;
    });
  }

  /** Closes every session. */
  close(): Promise<void> {
    return this.#pool.closeAll();
  }
}

/** Whom a cluster's resources act as on its directors. */
export function actorOf(cluster: ClusterHandle): Actor {
  return { id: cluster.id, label: cluster.label };
}

/** The part of `before` that `after` no longer reaches: hosts, whatever they are called and however one logs in. */
export function departed(before: ClusterHandle, after: ClusterHandle): ClusterHandle {
  const place = (cluster: ClusterHandle, one: DirectorSpec) => {
    const { host, port } = directorConnection(cluster.connection, one);
    return endpoint(host, port ?? 22);
  };
  const staying = new Set(after.directors.map((one) => place(after, one)));
  return { ...before, directors: before.directors.filter((one) => !staying.has(place(before, one))) };
}
