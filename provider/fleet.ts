import {
  type Actor,
  connectionKey,
  Director,
  declaredFingerprint,
  type Mode,
  SessionPool,
} from "../director";
import {
  type Connection,
  type Director as DirectorSpec,
  directorConnection,
  type HostConnection,
  type Settings,
} from "../spec";
import type { Policy } from "./rollout";

/** What a cluster hands to the resources on it: who they act as, and how to reach the directors. Always secret. */
export interface ClusterHandle extends Policy {
  readonly id: string;
  readonly label: string;
  readonly connection?: Connection;
  readonly directors: readonly DirectorSpec[];
  /** How the directors are run; absent: over SSH, with nothing installed. */
  readonly mode?: Mode;
  /** What agents do with what somebody else has changed; absent: they take it back. */
  readonly driftPolicy?: "report" | "repair";
  /** For the lint alone: no resource but the cluster itself acts on settings. */
  readonly settings?: Settings;
}

/** What of a cluster says how its directors are reached. */
type Reached = Pick<ClusterHandle, "connection" | "directors" | "mode">;

/** Long enough for a host that lives, however busy. */
const BRIEF_DIAL_S = 8;

/**
 * The directors this process talks to. Pulumi serves all resources of one operation from one process, so sessions and
 * groups of changes are shared among them.
 */
export class Fleet {
  readonly #pool: SessionPool;
  readonly #directors = new Map<string, Director>();
  readonly #byCluster = new WeakMap<object, Director[]>();

  /**
   * @param looksLastMs how long what a refresh saw on a director serves other refreshes too. Default 0: each looks by
   *   itself, but those that overlap
   * @param deadFactor see {@link SessionPool}
   */
  constructor(
    private readonly looksLastMs = 0,
    deadFactor = 0,
  ) {
    this.#pool = new SessionPool(deadFactor);
  }

  /** The directors of a cluster, in its order. The same host under the same login is the same director. */
  of(cluster: Reached): Director[] {
    const found = this.#byCluster.get(cluster) ?? this.#lookUp(cluster);
    this.#byCluster.set(cluster, found);
    return found;
  }

  #lookUp({ connection: shared, directors, mode = "ssh" }: Reached): Director[] {
    return directors.map((one) => {
      const connection = directorConnection(shared, one);
      const key = `${mode} ${one.name} ${connectionKey(connection)}`;
      const known = this.#directors.get(key) ?? this.#director(one.name, connection, mode);
      this.#directors.set(key, known);
      return known;
    });
  }

  #director(name: string, connection: HostConnection, mode: Mode): Director {
    return new Director(name, connection, this.#pool, mode, this.looksLastMs);
  }

  /** The same directors, dialled once and for a few seconds only: for those that may well be dead. */
  briefly(cluster: Reached): Director[] {
    const limits = { dialErrorLimit: 1, perDialTimeout: BRIEF_DIAL_S };
    const directors = cluster.directors.map((one) => ({
      ...one,
      connection: { ...one.connection, ...limits },
    }));
    return this.of({ ...cluster, directors });
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

/**
 * The directors of `before` that are machines of their own which `after` no longer reaches. One that is merely spelled
 * anew (a name for an address, another port, bastion or name) is still there, and taking entries off it would take
 * them out of service.
 */
export function departed(before: ClusterHandle, after: ClusterHandle): ClusterHandle {
  const staying = after.directors.map((one) => machineOf(after, one));
  const isGone = (one: DirectorSpec) =>
    !staying.some((other) => isSameMachine(machineOf(before, one), other));
  return { ...before, directors: before.directors.filter(isGone) };
}

/** Names of the directors of `after` that are machines which `before` did not reach. */
export function joined(before: ClusterHandle, after: ClusterHandle): string[] {
  return departed(after, before).directors.map(({ name }) => name);
}

interface Machine {
  readonly name: string;
  readonly place: string;
  /** undefined: any host key is taken. */
  readonly key: string | undefined;
}

function machineOf(cluster: ClusterHandle, one: DirectorSpec): Machine {
  const { host, port, hostKey, proxy } = directorConnection(cluster.connection, one);
  const place = JSON.stringify([host, port ?? 22, proxy?.host]);
  // A handle is not checked again: what is none may stand there.
  const isText = typeof hostKey === "string" && hostKey !== "";
  return { name: one.name, place, key: isText ? declaredFingerprint(hostKey) : undefined };
}

function isSameMachine(a: Machine, b: Machine): boolean {
  if (a.place === b.place) return true;
  return a.key !== undefined && b.key !== undefined ? a.key === b.key : a.name === b.name;
}
