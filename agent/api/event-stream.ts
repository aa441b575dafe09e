import type { ServerResponse } from "node:http";
import type { AgentEvent, EventRing } from "../events";
import { HEARTBEAT_MS, STREAM_BACKLOG_BYTES, STREAMS_MAX } from "./limits";
import { ApiProblem } from "./problem";

/** What a client is told that comes back too late: it has to read everything anew. */
const LOST = "lost";

/** Streams of events (server-sent events) to those who listen. */
export class EventStreams {
  readonly #open = new Set<ServerResponse>();

  constructor(private readonly events: EventRing) {}

  /**
   * Streams events until the client goes. One that came back is told of what happened meanwhile or, where that is
   * forgotten, of a `lost` event. One that reads too slowly is hung up on: it comes back by its last id.
   *
   * @param lastId the id of the last event that the client has had; undefined: it is new, and told of what happens from now on
   * @throws ApiProblem 503 when too many listen already
   */
  open(response: ServerResponse, lastId: string | undefined): void {
    if (this.#open.size >= STREAMS_MAX)
      throw new ApiProblem(
        503,
        "too many streams",
        `expected at most ${STREAMS_MAX} streams of events at a time`,
        {},
        { "retry-after": "10" },
      );
    this.#open.add(response);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
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
      this.#open.delete(response);
    });
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
