import type { Digests } from "./state";

/** `GET /v1/plane`: how a director stands to what it shares with others. */
export interface PlaneAnswer {
  readonly store: "etcd";
  readonly endpoints: readonly string[];
  readonly prefix: string;
  /** `joining`: nothing was heard yet. `lost`: etcd cannot be asked now. `alarm`: what it holds is not followed. */
  readonly state: "joining" | "following" | "lost" | "alarm";
  /** Since when it is so; epoch, in milliseconds. */
  readonly since: number;
  readonly reason?: string;
  /** What this director has applied; 0: nothing. */
  readonly revision: number;
  /** What it cannot hold of that, because entries of nobody are in the way. */
  readonly conflicts: readonly string[];
  /** All directors that are alive, by what they say of themselves. */
  readonly directors: readonly DirectorWord[];
}

/** What a director says of itself. */
export interface DirectorWord {
  readonly director: string;
  readonly version: string;
  /** What it has applied; 0: nothing. */
  readonly revision: number;
  readonly digests: Digests;
  /** Real servers that are down, and virtual servers without their quorum. */
  readonly down: number;
  readonly lost: number;
  readonly troubles: readonly string[];
}
