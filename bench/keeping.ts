/** A real server of a pool. */
export interface PoolServer {
  readonly address: string;
  readonly port: number;
}

/** A daemon on the lab's first director that keeps one virtual server, `192.0.2.10:80`, with real load on it. */
export interface Keeping {
  /** Starts it with a pool; returns when the kernel holds that. */
  start(pool: readonly PoolServer[]): Promise<void>;
  /** Puts another pool in its place; returns when the kernel holds that, and nothing of the one before. */
  replace(pool: readonly PoolServer[]): Promise<void>;
  /** Ends the daemon in order and starts it again; returns when it does its work. */
  restart(): Promise<void>;
  /** Takes everything away. */
  end(): Promise<void>;
}

/** The virtual server. */
export const KEPT = { name: "web", address: "192.0.2.10", port: 80 } as const;

/** How its servers are checked. */
export const KEPT_PACE = { intervalMs: 1_000, timeoutMs: 1_000, fall: 3 } as const;
