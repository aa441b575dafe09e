import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** Names under which a browser reaches a socket that is forwarded to its own machine. */
const OWN_NAMES = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/**
 * Why a request of a browser is not answered; undefined: it is, or it is none of a browser. A browser speaks for whatever page is
 * open in it. Once an operator has forwarded the socket to his machine, or holds a client certificate, any page in the
 * world could have it drain servers. So browsers may look, and change nothing; and a socket is looked at under names of the
 * browser's own machine alone, so that no page can make its own name mean it.
 *
 * @param isSocket whether it came over the unix socket: with TLS, the certificate answers for the name
 */
export function browserProblem({ method, headers }: IncomingMessage, isSocket: boolean): string | undefined {
  if (!isBrowser(headers)) return undefined;
  if (method !== "GET" && method !== "HEAD") return "browsers may look, and change nothing";
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return "another site's page may not ask this agent";
  const { host = "" } = headers;
  if (isSocket && !OWN_NAMES.test(host))
    return `expected localhost as the host, found ${JSON.stringify(host.slice(0, 100))}: open the page under that name`;
  return undefined;
}

function isBrowser(headers: IncomingHttpHeaders): boolean {
  return headers.origin !== undefined || Object.keys(headers).some((name) => name.startsWith("sec-fetch-"));
}
