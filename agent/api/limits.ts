/** What the API bears. All of it holds on TCP; on the unix socket, which root alone opens, what is marked does not. */

/** A transaction of a thousand virtual servers with ten servers each is 2 MB. */
export const BODY_MAX_BYTES = 4 * 1024 * 1024;

/** Objects and lists within each other, in a body. The deepest that the specification has is 6. */
export const BODY_MAX_DEPTH = 32;

/** Request line and header fields together. */
export const HEADERS_MAX_BYTES = 16 * 1024;

/** Characters of a header field that names versions of resources, or the last event. */
export const TAGS_MAX_LENGTH = 1_000;

/** Edits of one transaction. */
export const EDITS_MAX = 1_000;

/** Virtual servers on one page of the list, and how many where nothing is said. */
export const PAGE_MAX = 1_000;

/** TCP connections at a time; one more is closed at once. */
export const CONNECTIONS_MAX = 256;

/** What there is so many of at a time, for all clients together; one more is answered with 503. */
export interface Share {
  readonly max: number;
  /** So many of them are not had by TCP: however busy its clients are, root on the director is answered. */
  readonly kept: number;
}

/** Requests at a time, streams of events not counted. */
export const IN_FLIGHT: Share = { max: 128, kept: 16 };

/** Writing requests at a time: they wait for gates, and each holds a body. */
export const WRITES_IN_FLIGHT: Share = { max: 64, kept: 8 };

/** Requests of one client (its certificate) in a second, and how many it may save up. Not on the unix socket. */
export const READS_PER_S = 2_000;
export const READS_BURST = 4_000;
export const WRITES_PER_S = 100;
export const WRITES_BURST = 200;

/** Clients whose rate is remembered; of more, those that have been silent longest are forgotten. */
export const CLIENTS_REMEMBERED = 1_024;

/** Within which a connection has to have made its TLS handshake. */
export const HANDSHAKE_MS = 5_000;

/** Within which the header fields of a request have to be there, and the whole of it. */
export const HEADERS_MS = 10_000;
export const REQUEST_MS = 30_000;

/** How often connections are looked at for that; by default it would be as long as a whole request may take. */
export const CHECKED_EVERY_MS = 2_000;

/** How long a connection may stay without a request. */
export const KEEP_ALIVE_MS = 60_000;

/** How long a client may leave an answer lying. */
export const STALLED_MS = 30_000;

/** Answers that are longer count among {@link UNSENT_BYTES}; shorter ones the number of connections bounds. */
export const LONG_BYTES = 64 * 1024;

/** Bytes of long answers that clients have yet to take; instead of one more there is 503. Metrics of 10,000 servers are 12 MB. */
export const UNSENT_BYTES: Share = { max: 80 * 1024 * 1024, kept: 16 * 1024 * 1024 };

/** Events that are remembered for those who come back. */
export const EVENTS_KEPT = 1_000;

/** Streams of events at a time. */
export const STREAMS: Share = { max: 64, kept: 8 };

/** Streams of one client (its certificate) at a time; one more is answered with 503. Not on the unix socket. */
export const STREAMS_PER_CLIENT_MAX = 8;

/** Bytes that a stream's client may leave unread before it is hung up on. */
export const STREAM_BACKLOG_BYTES = 1024 * 1024;

/** How often a stream says that it is alive. */
export const HEARTBEAT_MS = 15_000;

/** Registries that are remembered, so that who has an old one is told what differs. */
export const REVISIONS_KEPT = 64;

/** How often a change is worked out anew when others change the director at the same time. */
export const ROUNDS = 8;
