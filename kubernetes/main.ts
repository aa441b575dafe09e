/** `heye-agent kubernetes`: what the agent's program loads for it, from a file beside its own. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import type { Logger } from "pino";
import { Api } from "./api";
import { StartError, wordsOf } from "./api-errors";
import { DirectorClient, type TlsFiles } from "./balancer";
import { Controller } from "./controller";
import { listenAddress, serveHealth } from "./health-server";
import { configOf } from "./kubeconfig";
import { metricsOf } from "./metrics";

const USAGE = `usage: heye-agent kubernetes [--kubeconfig FILE] [--context NAME] [--namespace NAME]
                             [--lease-namespace NAME] [--listen ADDRESS:PORT]
                             [--director URL... --tls-ca FILE --tls-cert FILE --tls-key FILE]

Checks the servers of annotated Endpoints and EndpointSlices, and writes which of them are ready; replicas share that. With
directors it serves Services of type LoadBalancer with the class heye.io/ipvs there.

--kubeconfig       default: KUBECONFIG, ~/.kube/config, or what a Pod is given
--namespace        look at this one alone; default: at all
--lease-namespace  where the Leases are; default: POD_NAMESPACE, the kubeconfig's, heye-system
--listen           /healthz, /readyz, /metrics; ":9440" is every address; default: 127.0.0.1:9440
--director         the REST API of a director, https://lb1:9443; once for each. Pools are ConfigMaps where the Leases are
--tls-ca           the authority of the directors' certificates
--tls-cert, --tls-key  the certificate that the directors' API knows as one of readWrite, and its key
`;

/**
 * Runs the controller until SIGTERM or SIGINT.
 *
 * @param argv what follows `kubernetes`
 * @returns the exit status
 */
export async function kubernetes(argv: readonly string[], log: Logger, version: string): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      kubeconfig: { type: "string" },
      context: { type: "string" },
      namespace: { type: "string" },
      "lease-namespace": { type: "string" },
      listen: { type: "string", default: "127.0.0.1:9440" },
      director: { type: "string", multiple: true, default: [] },
      "tls-ca": { type: "string" },
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const ending = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => ending.abort());
  try {
    const config = configOf(values.kubeconfig, values.context);
    const api = new Api(config, version);
    const own = config.getContextObject(config.getCurrentContext())?.namespace;
    const controller = new Controller({
      api,
      log,
      namespace: values.namespace,
      leaseNamespace: values["lease-namespace"] ?? process.env.POD_NAMESPACE ?? own ?? "heye-system",
      identity: `${process.env.POD_NAME ?? hostname()}_${randomUUID()}`,
      directors: directorsOf(values.director, {
        ca: values["tls-ca"],
        cert: values["tls-cert"],
        key: values["tls-key"],
      }),
    });
    const isReady = () => controller.isSynced;
    const metrics = metricsOf(controller, version);
    const server = await serveHealth(listenAddress(values.listen), { isReady, metrics });
    log.info({ event: "start", version }, "the controller follows the cluster");
    await controller.run(ending.signal);
    server.close();
    server.closeAllConnections();
    api.close();
    log.info({ event: "stop" }, "the controller ends; readiness stays as it is");
    return 0;
  } catch (error) {
    log.fatal({ event: "end", error: wordsOf(error) }, "the controller ends");
    return 1;
  }
}

/** @throws StartError */
function directorsOf(
  urls: readonly string[],
  { ca, cert, key }: { readonly [file in keyof TlsFiles]: string | undefined },
): DirectorClient[] {
  if (urls.length === 0) return [];
  if (ca === undefined || cert === undefined || key === undefined)
    throw new StartError("--director: expected --tls-ca, --tls-cert and --tls-key with it");
  const clients = urls.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== "https:" || url.pathname !== "/")
      throw new StartError(`--director: expected https://HOST:PORT, found ${JSON.stringify(text)}`);
    return new DirectorClient(url, { ca, cert, key });
  });
  if (new Set(clients.map(({ name }) => name)).size < clients.length)
    throw new StartError(`--director: expected each director once, found ${urls.join(", ")}`);
  return clients;
}

// The program is one file, so the thread that searches answers for regular expressions is started from it too.
if (!isMainThread) void import("../health/regex-thread.js");
