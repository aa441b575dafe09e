/** `heye-agent kubernetes`: what the agent's program loads for it, from a file beside its own. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import { KubeConfig } from "@kubernetes/client-node";
import type { Logger } from "pino";
import { Api } from "./api";
import { StartError, wordsOf } from "./api-errors";
import { Controller } from "./controller";
import { listenAddress, serveHealth } from "./health-server";
import { metricsOf } from "./metrics";

const USAGE = `usage: heye-agent kubernetes [--kubeconfig FILE] [--context NAME] [--namespace NAME]
                             [--lease-namespace NAME] [--listen ADDRESS:PORT]

Checks the servers of annotated Endpoints and EndpointSlices, and writes which of them are ready.

--kubeconfig       default: KUBECONFIG, ~/.kube/config, or what a Pod is given
--namespace        look at this one alone; default: at all
--lease-namespace  where the Lease is; default: POD_NAMESPACE, the kubeconfig's, heye-system
--listen           /healthz, /readyz, /metrics; ":9440" is every address; default: 127.0.0.1:9440
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
    });
    const isReady = () => controller.collections.isSynced;
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

function configOf(file: string | undefined, context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new StartError(`the kubeconfig cannot be read: ${wordsOf(error)}`, { cause: error });
  }
  if (context !== undefined) config.setCurrentContext(context);
  return config;
}

// The program is one file, so the thread that searches answers for regular expressions is started from it too.
if (!isMainThread) void import("../health/regex-thread.js");
