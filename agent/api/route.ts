import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type * as z from "zod";
import type { Keeper } from "../keeper";
import type { Sight } from "../sight";
import type { Declarations } from "./declarations";
import type { EventStreams } from "./event-stream";
import type { History } from "./history";
import type { Preconditions } from "./preconditions";
import type { Edit, Writer, Written } from "./writer";

/** Methods of the API. HEAD is answered wherever GET is. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What a route works with. */
export interface Api {
  readonly keeper: Pick<Keeper, "view">;
  readonly declarations: Declarations;
  readonly writer: Writer;
  readonly history: History;
  readonly streams: EventStreams;
  readonly sight: Sight;
}

/** A request as a route sees it. */
export interface Call {
  /** What stands for the names in the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Only parameters that the route knows, each once. */
  readonly query: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined where the route takes none. */
  readonly body: unknown;
  readonly preconditions: Preconditions;
  readonly headers: IncomingHttpHeaders;
  /** Fingerprint of the client's certificate; undefined: it came over the unix socket. */
  readonly client: string | undefined;
  /** Fires when the client has gone. */
  readonly signal: AbortSignal;
}

/** What a route answers. */
export interface Answer {
  readonly status: number;
  /** Sent as JSON; undefined: nothing is. */
  readonly body?: unknown;
  /** Sent in place of a body: no JSON. */
  readonly text?: { readonly type: string; readonly content: string };
  readonly headers?: Readonly<Record<string, string>>;
}

/** An edit, and what is answered once it is made. */
export interface AnsweredEdit extends Edit {
  readonly answer: (written: Pick<Written, "before" | "after">) => Answer;
}

/** An answer as the document describes it. */
export interface Described {
  readonly description: string;
  /** Name of a schema of the document; absent: there is no body. */
  readonly schema?: string;
  /** Its media type. Default: JSON. */
  readonly type?: string;
}

/** What the document says of a route. */
export interface Operation {
  /** Unique. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Query parameters by name. */
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** Name of a schema of the document, for the body; absent: it takes none. */
  readonly body?: string;
  /** By status; those that every route of its kind has are added. */
  readonly answers: Readonly<Record<number, Described>>;
}

interface AnyRoute {
  readonly method: Method;
  /** `/v1/virtual-servers/{id}` */
  readonly path: string;
  readonly operation: Operation;
}

/** A route that changes nothing. */
export interface ReadRoute extends AnyRoute {
  readonly kind: "read";
  readonly read: (api: Api, call: Call) => Answer | Promise<Answer>;
}

/** A route that changes one virtual server; it can be an edit of a transaction, and be planned without being made. */
export interface WriteRoute extends AnyRoute {
  readonly kind: "write";
  /** @throws ApiProblem for what is wrong by itself, whatever is declared */
  readonly edit: (api: Api, call: Call) => AnsweredEdit;
}

/** A route whose edits stand in its body. */
export interface TransactionRoute extends AnyRoute {
  readonly kind: "transaction";
  readonly edits: (api: Api, call: Call) => readonly AnsweredEdit[];
}

/** A route whose answer goes on until the client goes. */
export interface StreamRoute extends AnyRoute {
  readonly kind: "stream";
  /** Header fields of its answer, which HEAD is answered with. */
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: (api: Api, call: Call, response: ServerResponse) => void;
}

/** Something that can be asked of the API. */
export type Route = ReadRoute | WriteRoute | TransactionRoute | StreamRoute;
