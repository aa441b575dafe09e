/**
 * What the provider and a director's agent say to each other: JSON over HTTP on a unix socket of the director, which the
 * provider reaches through its SSH session. Only root can open the socket.
 */
import type { Target, Verdict } from "../health";
import type { Table } from "../ipvs";
import type { ActiveHealthCheck } from "../spec";
import type { Digests } from "./state";

/** Where the agent listens on its director. */
export const AGENT_SOCKET = "/run/heye/agent.sock";

/** Tells that an agent answers: its process id and version, written when it listens and removed when it ends. */
export const AGENT_READY = "/run/heye/agent.ready";

/** Everything of the agent's on its director: program, health, journal. Only root may enter. */
export const AGENT_FOLDER = "/var/lib/heye/agent";

/** Version of what is said; the agent's answers carry it, and each side refuses another one. */
export const AGENT_PROTOCOL = 1;

/** In which the asker names its version. */
export const PROTOCOL_HEADER = "heye-agent-protocol";

/**
 * `GET /v1/state?registry=DIGEST&table=DIGEST`: what the director holds. The table is told as it was declared, where it
 * differs for a reason of the agent's alone (a server that is down, a sorry server that serves): what health does is no
 * drift. Parts whose digest was named are left out.
 */
export interface StateAnswer {
  readonly protocol: number;
  /** `uname -r` */
  readonly kernel: string;
  /** What `ipvsadm --version` says. */
  readonly ipvsadm: string;
  readonly digests: Digests;
  /** The registry's file. */
  readonly registry?: string;
  /** Lines of the table, sorted. */
  readonly table?: readonly string[];
}

/** `POST /v1/changes`: a change, computed from a state. */
export interface ChangeOrder {
  /** What the director must hold for the change to be made. */
  readonly expect: Digests;
  /** What it holds afterwards if all goes well: parts that are so are not told back. */
  readonly predict: Digests;
  /** What to put into the registry (`+LINE`) and what to take out (`-IDENTITY`); see registry-format.ts. */
  readonly registry: readonly string[];
  /** Keys of the virtual servers that change. */
  readonly scope: readonly string[];
  /** They as declared; one that is missing goes. */
  readonly desired: Table;
}

/** The answer to a {@link ChangeOrder}. */
export interface ChangeAnswer {
  /** `changed`: the director held something else, and nothing was done. */
  readonly outcome: "applied" | "changed";
  readonly state: StateAnswer;
  /** What the kernel's tools complained of. */
  readonly messages: string;
  /** The director shares what is declared: the same change, asked of another one, may have been made here as well. */
  readonly shared?: true;
}

/** `POST /v1/checks`: checks a server until it is healthy or the check's deadline is over; answers a {@link Verdict}. */
export interface CheckOrder {
  readonly check: ActiveHealthCheck;
  readonly target: Target;
}

/** The answer to a {@link CheckOrder}. */
export type CheckAnswer = Verdict;

/** Any answer but a good one, as RFC 9457 has it. */
export interface ProblemAnswer {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}
