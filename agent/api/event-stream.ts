import type { ServerResponse } from "node:http";
import type { AgentEvent, EventRing } from "../events";
import { HEARTBEAT_MS, STREAM_BACKLOG_BYTES, STREAMS, STREAMS_PER_CLIENT_MAX } from "./limits";
import { ApiProblem } from "./problem";
import { Slots, tooMany } from "./slots";

/** What a client is told that comes back too late: it has to read everything anew. */
const LOST = "lost";

/** Header fields of a stream. */
export const STREAM_HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store" };

const NOT_BY_ITSELF =
  "expected a connection on which nothing else is asked for, found a request before this one";

/** When one who finds no place is to come again, in seconds. */
const RETRY_S = 10;

/** Streams of events (server-sent events) to those who listen. */
export class EventStreams {
  readonly #slots = new Slots("streams of events", STREAMS, RETRY_S);
  /** How many each client of TCP has. */
  readonly #byClient = new Map<string, number>();

  constructor(private readonly events: EventRing) {}

  /**
   * Streams events until the client goes. One that came back is told of what happened meanwhile or, where that is
   * forgotten, of a `lost` event. One that reads too slowly is hung up on: it comes back by its last id.
   *
   * @param client fingerprint of its certificate; undefined: it came over the unix socket
   * @param lastId the id of the last event that the client has had; undefined: it is new, and told of what happens from now on
   * @throws ApiProblem 503 when too many listen already; 400 behind another request on its connection
   */
  open(response: ServerResponse, client: string | undefined, lastId: string | undefined): void {
    // It would wait for the end of another answer on its connection, and be told of none of its own.
    if (!response.socket) throw new ApiProblem(400, "not by itself", NOT_BY_ITSELF);
    const giveBack = this.#take(client);
    response.writeHead(200, STREAM_HEADERS);
    response.write(opening(this.events, lastId));
    const send = (text: string) => {
      if (response.writableLength > STREAM_BACKLOG_BYTES) response.destroy();
      else response.write(text);
    };
    const silence = this.events.listen((event) => send(rendered(event)));
    const heartbeat = setInterval(() => send(": alive\n\n"), HEARTBEAT_MS).unref();
    response.once("close", () => {
      clearInterval(heartbeat);
      silence();
      giveBack();
    });
  }

  /** A client's place among the streams. Returns what gives it back. */
  #take(client: string | undefined): () => void {
    if (client === undefined) return this.#slots.take(true);
    const open = this.#byClient.get(client) ?? 0;
    if (open >= STREAMS_PER_CLIENT_MAX)
      throw tooMany(`${STREAMS_PER_CLIENT_MAX} streams of one client`, RETRY_S);
    const giveBack = this.#slots.take(false);
    this.#byClient.set(client, open + 1);
    return () => {
      giveBack();
      const left = (this.#byClient.get(client) ?? 1) - 1;
      if (left > 0) this.#byClient.set(client, left);
      else this.#byClient.delete(client);
    };
  }
}

/** The head of a stream: where it begins, so that a client which is cut off before the first event can come back. */
function opening(events: EventRing, lastId: string | undefined): string {
  if (lastId === undefined) return `id: ${events.lastId}\nretry: 1000\n\n`;
  const missed = events.since(lastId);
  if (missed) return `retry: 1000\n\n${missed.map(rendered).join("")}`;
  const expected = { expected: lastId, found: events.lastId };
  return `id: ${events.lastId}\nevent: ${LOST}\nretry: 1000\ndata: ${JSON.stringify(expected)}\n\n`;
}

function rendered({ id, type, at, data }: AgentEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ at, ...data })}\n\n`;
}
