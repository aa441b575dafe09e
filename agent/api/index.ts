/**
 * The REST API of an agent: virtual servers and real servers as resources, transactions, a stream of events, and the OpenAPI
 * document that describes them. Routes are data, from which both the answers and the document follow. What is declared
 * is read and written through one seam (declarations.ts).
 */
import { hostname } from "node:os";
import type { ForwardingProber } from "../../director/data";
import type { Dial } from "../../health";
import type { EventRing } from "../events";
import type { Keeper } from "../keeper";
import type { Log } from "../log";
import type { Participant } from "../plane/participant";
import type { Sight } from "../sight";
import { type Declarations, KeeperDeclarations } from "./declarations";
import { DRAIN_ROUTES } from "./drain-routes";
import { EventStreams } from "./event-stream";
import { type Gate, OwnGate } from "./gate";
import { ApiHandler } from "./handler";
import { History } from "./history";
import { openApiDocument } from "./openapi";
import { documentRoute, OTHER_ROUTES } from "./other-routes";
import { REAL_SERVER_ROUTES } from "./real-server-routes";
import type { Route } from "./route";
import { Router } from "./router";
import { SIGHT_ROUTES } from "./sight-routes";
import { transactionRoutes } from "./transaction-routes";
import { VIRTUAL_SERVER_ROUTES } from "./virtual-server-routes";
import { WEIGHT_ROUTES } from "./weight-routes";
import { Writer } from "./writer";

export type { Declaration, Declarations, Declared } from "./declarations";
export type { Gate } from "./gate";
export { ApiHandler, type Asker } from "./handler";

/** What the API of an agent is made of. */
export interface ApiParts {
  readonly keeper: Keeper;
  readonly dial: Dial;
  /** Sets up connections by way of virtual addresses. */
  readonly prober: ForwardingProber;
  readonly log: Log;
  readonly events: EventRing;
  readonly sight: Sight;
  /** The director's part in what it shares; absent: it shares with nobody. */
  readonly plane?: Participant | undefined;
  /** The agent's version, for the document. */
  readonly version: string;
  /** Where what is declared is read and written. Default: on this director, by its keeper. */
  readonly declarations?: Declarations;
  /** Who asks servers before they are let in. Default: this director alone. */
  readonly gate?: Gate;
  /** How long a client may leave an answer lying, in milliseconds. Default: `STALLED_MS`. */
  readonly stalledMs?: number | undefined;
}

/** The API of an agent. */
export function apiOf({ keeper, log, events, sight, version, plane, ...given }: ApiParts): ApiHandler {
  const director = hostname();
  const declarations = given.declarations ?? new KeeperDeclarations(plane?.declaring ?? keeper, director);
  const gate = given.gate ?? new OwnGate(given.dial, given.prober, director);
  const writer = new Writer(declarations, gate, director);
  const streams = new EventStreams(events);
  const router: Router = new Router(routes(version, () => router));
  return new ApiHandler(
    { keeper, declarations, writer, history: new History(), streams, sight },
    router,
    log,
    given.stalledMs,
  );
}

/** Everything that can be asked of the API. */
export function routes(version: string, router: () => Router): readonly Route[] {
  const all: Route[] = [
    ...VIRTUAL_SERVER_ROUTES,
    ...REAL_SERVER_ROUTES,
    ...WEIGHT_ROUTES,
    ...DRAIN_ROUTES,
    ...transactionRoutes(router),
    ...OTHER_ROUTES,
    ...SIGHT_ROUTES,
  ];
  let document: unknown;
  all.push(
    documentRoute(() => {
      document ??= openApiDocument(all, version);
      return document;
    }),
  );
  return all;
}
