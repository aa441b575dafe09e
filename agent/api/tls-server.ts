import { once } from "node:events";
import * as https from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { type ApiAccess, listenPlace } from "../../spec";
import type { Log } from "../log";
import { Rates } from "./clients";
import type { ApiHandler, Asker } from "./handler";
import {
  CHECKED_EVERY_MS,
  CONNECTIONS_MAX,
  HANDSHAKE_MS,
  HEADERS_MAX_BYTES,
  HEADERS_MS,
  KEEP_ALIVE_MS,
  REQUEST_MS,
} from "./limits";
import { roleOf } from "./roles";

/** How often refused handshakes are logged: anybody can cause them. */
const REFUSALS_LOGGED_EVERY_MS = 1_000;

/**
 * Serves the API on TCP, to those who show a certificate of the configured authority in TLS 1.3. Others do not get through
 * the handshake; what those may do who do is said by the names in their certificates. The provider's own protocol is not
 * served here.
 *
 * @param api undefined: not yet; connections are closed until then
 * @param rates how often clients have asked. Default: nobody has yet
 * @throws Error when the certificate or key cannot be used, or the address cannot be listened at
 */
export async function serveTls(
  access: ApiAccess,
  api: () => ApiHandler | undefined,
  log: Log,
  rates = new Rates(),
): Promise<https.Server> {
  const place = listenPlace(access.listen);
  if (!place) throw new Error(`expected an address and a port to listen at, found ${access.listen}`);
  const askers = new WeakMap<object, KnownAsker>();
  const { ca, cert, key } = access.tls;
  const server = https.createServer(
    {
      ...{ ca, cert, key },
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      handshakeTimeout: HANDSHAKE_MS,
      maxHeaderSize: HEADERS_MAX_BYTES,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: CHECKED_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    (request, response) => {
      const asker = askers.get(request.socket);
      const handler = api();
      // A clock that was set may be ahead of the timer.
      if (asker && handler && Date.now() < asker.untilMs) void handler.handle(request, response, asker);
      else request.socket.destroy();
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on("secureConnection", (socket: TLSSocket) => {
    const asker = askerOf(socket, access, rates);
    askers.set(socket, asker);
    endAt(socket, asker.untilMs);
  });
  server.on("tlsClientError", refusals(log));
  server.listen(place.port, place.address);
  await once(server, "listening");
  return server;
}

/** How long after the API could not be served on TCP that is tried again. */
const AGAIN_MS = 5_000;

/**
 * Serves the API on TCP until `signal` fires. Where that is not possible yet, because the address is not there or taken, it is
 * tried again and again: the table is kept meanwhile, and the log says why.
 */
export async function keepServingTls(
  access: ApiAccess,
  api: () => ApiHandler | undefined,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const server = await serveTls(access, api, log);
      log.info({ event: "api", listen: access.listen }, "the API is served on TCP");
      const end = () => {
        server.close();
        server.closeAllConnections();
      };
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
      return;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      log.error({ event: "api", listen: access.listen, error: words }, "the API cannot be served on TCP");
      await delay(AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}

/** How often the clock is looked at while a connection lasts: it may be set, and timers take at most 24 days. */
const CLOCK_MS = 60_000;

/** Ends a connection with the certificate that opened it, whatever is under way on it: a stream has no end of its own. */
function endAt(socket: TLSSocket, untilMs: number): void {
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const leftMs = untilMs - Date.now();
    if (leftMs > 0) timer = setTimeout(look, Math.min(leftMs, CLOCK_MS)).unref();
    else socket.destroy();
  };
  socket.once("close", () => clearTimeout(timer));
  look();
}

/** Who asks over a connection. */
interface KnownAsker extends Asker {
  /** When his certificate ends: epoch, in milliseconds. */
  readonly untilMs: number;
}

function askerOf(socket: TLSSocket, access: ApiAccess, rates: Rates): KnownAsker {
  const certificate = socket.getPeerCertificate();
  const client = certificate.fingerprint256;
  return {
    untilMs: Date.parse(certificate.valid_to),
    client,
    role: roleOf(certificate, access),
    admit: (isWrite) => rates.admit(client, isWrite),
  };
}

function refusals(log: Log): (error: Error, socket: TLSSocket) => void {
  let loggedMs = -Infinity;
  return ({ message }, { remoteAddress }) => {
    const nowMs = performance.now();
    if (nowMs - loggedMs < REFUSALS_LOGGED_EVERY_MS) return;
    loggedMs = nowMs;
    log.warn({ event: "tls", peer: remoteAddress, error: message }, "a client was refused");
  };
}
