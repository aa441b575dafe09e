import { once } from "node:events";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";
import type { HealthCheckOf } from "../spec";
import { CheckFailedError } from "./checker";

type TlsSettings = NonNullable<HealthCheckOf<"http">["tls"]>;

/**
 * Speaks TLS over a stream. The certificate must be in date, name the server and lead to an authority that is trusted,
 * unless the settings say `insecure`.
 *
 * @param name whom the certificate must name where the settings say nothing
 * @throws CheckFailedError that says why there is no trust, or no TLS
 */
export async function encrypt(
  stream: Duplex,
  settings: TlsSettings,
  name: string,
  signal: AbortSignal,
): Promise<tls.TLSSocket> {
  const serverName = settings.serverName ?? name;
  const socket = tls.connect({
    socket: stream,
    secureContext: contextFor(settings),
    rejectUnauthorized: settings.insecure !== true,
    ALPNProtocols: ["http/1.1"],
    // An address is verified, but not sent: RFC 6066 allows names alone.
    ...(isIP(serverName) ? { host: serverName } : { servername: serverName }),
  });
  const abort = () => socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await once(socket, "secureConnect", { signal });
    // What breaks later is told by whoever reads; without a listener it would end the process.
    return socket.on("error", () => undefined);
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    throw signal.aborted ? error : new CheckFailedError(`TLS: ${describe(error as Failure, serverName)}`);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

let systemContext: tls.SecureContext | undefined;
const ownContexts = new WeakMap<TlsSettings, tls.SecureContext>();

/** Reading some hundred certificates takes 15 ms, so it is done once for each set of them. */
function contextFor(settings: TlsSettings): tls.SecureContext {
  if (settings.ca === undefined) {
    systemContext ??= tls.createSecureContext({ ca: systemRoots() });
    return systemContext;
  }
  const context = ownContexts.get(settings) ?? tls.createSecureContext({ ca: settings.ca });
  ownContexts.set(settings, context);
  return context;
}

/** The system's roots and those of NODE_EXTRA_CA_CERTS; Node's own where the system has none, or Node cannot read them. */
function systemRoots(): string[] | undefined {
  // Node has this function since 22.15.
  const read: typeof tls.getCACertificates | undefined = tls.getCACertificates;
  const roots = read?.("system") ?? [];
  return roots.length > 0 ? [...roots, ...tls.getCACertificates("extra")] : undefined;
}

type Failure = Error & { readonly code?: string; readonly cert?: tls.PeerCertificate };

/** Why there is no trust, in the words of who has to mend it; by OpenSSL's names. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the certificate has expired",
  CERT_NOT_YET_VALID: "the certificate is not valid yet (are the clocks right?)",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is signed by itself: name it as ca to trust it",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate is from an unknown authority: name that as ca to trust it",
  CERT_SIGNATURE_FAILURE:
    "the certificate is from an unknown authority that has the name of a known one: name the right one as ca",
  UNABLE_TO_GET_ISSUER_CERT: "the certificate is from an unknown authority: name that as ca to trust it",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the certificate is from an unknown authority: name that as ca to trust it",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the certificate is from an unknown authority, or the server does not send the certificates between: name the authority as ca, or mend the server's chain",
  ECONNRESET: "closed the connection during the handshake",
  ERR_SSL_WRONG_VERSION_NUMBER: "answered something that is not TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "answered something that is not TLS",
};

function describe(failure: Failure, serverName: string): string {
  if (failure.code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = failure.cert?.subjectaltname ?? "nobody";
    return `the certificate is for ${names}, not for ${serverName}: mend it, or name another serverName`;
  }
  return REASONS[failure.code ?? ""] ?? failure.message;
}
