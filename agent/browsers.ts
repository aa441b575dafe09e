import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/**
 * Names that a socket has: those under which a browser reaches one that is forwarded to its own machine, and the one by which the
 * provider and the examples call it. That has no port, so that it is none of a page in a network which has a machine `agent`.
 */
const OWN_NAMES = /^(agent|(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)$/;

/**
 * Why a request is not answered that a web page may have made; undefined: it is answered. A browser speaks for whatever page is
 * open in it. Once an operator has forwarded the socket to his machine, or holds a client certificate, any page in the
 * world could have it drain servers. So browsers may look, and change nothing; and a socket answers under its own names
 * alone, so that no page can make its own name mean it. That holds for everybody: a browser that asks such a page's own name over
 * plain HTTP sends nothing by which it could be told from any other client.
 *
 * @param isSocket whether it came over the unix socket: with TLS, the certificate answers for the name
 */
export function browserProblem({ method, headers }: IncomingMessage, isSocket: boolean): string | undefined {
  const { host = "" } = headers;
  if (isSocket && !OWN_NAMES.test(host))
    return `expected localhost as the host, found ${JSON.stringify(host.slice(0, 100))}: use that name, or agent where no browser asks`;
  if (!isBrowser(headers)) return undefined;
  if (method !== "GET" && method !== "HEAD") return "browsers may look, and change nothing";
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return "another site's page may not ask this agent";
  return undefined;
}

function isBrowser(headers: IncomingHttpHeaders): boolean {
  return headers.origin !== undefined || Object.keys(headers).some((name) => name.startsWith("sec-fetch-"));
}
