import {
  BusyError,
  DirectorError,
  ForeignEntryError,
  GateError,
  OwnedElsewhereError,
} from "../../director/data";
import { formatPath, type Problem } from "../../spec";
import { NotDurableError } from "../keeper/not-durable-error";
import { AgreedError } from "../plane/agreed-error";
import { HeldBackError } from "../plane/held-back";
import { NotFollowingError } from "../plane/not-following-error";
import { PlaneDownError, PlaneUncertainError } from "../plane/plane";

/** One thing wrong with a request, where it stands. */
export interface Fault {
  /** As Pulumi prints property paths: `realServers[0].weight`; empty: the whole. */
  readonly path: string;
  readonly message: string;
}

/** What else a problem may tell; absent where there is nothing. */
export interface ProblemParts {
  /** One of docs/errors.md. */
  readonly code?: string;
  readonly errors?: readonly Fault[];
  readonly gate?: readonly GateAnswer[];
  /** What differs from the version that the client has. */
  readonly differs?: readonly Difference[];
}

/** A server that was asked at the gate, and what it answered. */
export interface GateAnswer {
  readonly director: string;
  readonly virtualServer?: string;
  readonly server: string;
  readonly check: string;
  /** Its own address has passed; it was asked at the virtual address by this forwarding method. */
  readonly by?: string;
  readonly answer: string;
  readonly checks: number;
}

/** A place at which two versions of a resource differ. */
export interface Difference extends Pick<Fault, "path"> {
  readonly expected?: unknown;
  readonly found?: unknown;
}

/** Why a request is not answered as it was asked, as RFC 9457 has it. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";

  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
    readonly parts: ProblemParts = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

/** A problem as it is sent. */
export interface ProblemBody extends ProblemParts {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** What is wrong with a body, all of it at once. */
export function invalid(problems: readonly Problem[], at: Problem["path"] = []): ApiProblem {
  const errors = problems.map(({ path, reason }) => ({
    path: formatPath([...at, ...path]),
    message: reason,
  }));
  const detail = errors.map(({ path, message }) => `${path || "body"}: ${message}`).join("; ");
  return new ApiProblem(422, "not a valid specification", detail, { code: "HEYE_INPUT", errors });
}

/** There is nothing at that place. */
export function notFound(what: string): ApiProblem {
  return new ApiProblem(404, "not found", what);
}

/** A change was declared, and does not hold everywhere yet: it is tried again at each look at the table. */
export function notApplied(revision: string, refused: readonly string[], said: string): ApiProblem {
  const detail = `it is declared (revision ${revision}), and the kernel did not take it yet, which is tried again: ${refused.join("; ")}; it said: ${said}`;
  return new ApiProblem(500, "declared, and not made yet", detail, { code: "HEYE_NOT_APPLIED" });
}

/** Any error as a problem. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof GateError) {
    const gate = error.failures.map(({ director, server, check, path, verdict }) => ({
      ...{ director, server, check: check.type, answer: verdict.answer, checks: verdict.checks },
      ...(path && { by: path.member.forwarding }),
    }));
    return new ApiProblem(422, "servers did not become healthy", detail, { code: error.code, gate });
  }
  if (error instanceof ForeignEntryError || error instanceof OwnedElsewhereError)
    return new ApiProblem(409, "not yours", detail, { code: error.code });
  if (error instanceof BusyError)
    return new ApiProblem(503, "busy", detail, { code: error.code }, { "retry-after": "1" });
  if (error instanceof PlaneDownError || error instanceof NotFollowingError)
    return new ApiProblem(503, "what directors share cannot be changed", `nothing was changed: ${detail}`, {
      code: "HEYE_SHARED_STORE",
    });
  if (error instanceof HeldBackError)
    return new ApiProblem(409, "this director holds less than is shared", `nothing was changed: ${detail}`, {
      code: "HEYE_HELD_BACK",
    });
  if (error instanceof AgreedError)
    return new ApiProblem(500, "agreed on, and not made here yet", detail, { code: "HEYE_AGREED" });
  if (error instanceof PlaneUncertainError) return new ApiProblem(504, "no answer from etcd", detail);
  if (error instanceof NotDurableError)
    return new ApiProblem(507, "not durable", `nothing was changed: ${detail}`, {
      code: "HEYE_NOT_WRITABLE",
    });
  if (error instanceof DirectorError) return new ApiProblem(500, error.name, detail, { code: error.code });
  return new ApiProblem(500, error instanceof Error ? error.name : "Error", detail);
}

/** A problem as it is sent. */
export function problemBody({ status, title, message, parts }: ApiProblem): ProblemBody {
  const type = parts.code === undefined ? "about:blank" : `urn:heye:error:${parts.code}`;
  return { type, title, status, detail: message, ...parts };
}
