import { KubeConfig } from "@kubernetes/client-node";
import { StartError, wordsOf } from "./api-errors";

/** What the client makes up where it finds nothing: an API server on this host, which nobody has named. */
const MADE_UP = { context: "loaded-context", server: "http://localhost:8080" };

/**
 * How the API server is reached.
 *
 * @param file absent: KUBECONFIG, else ~/.kube/config, else what a Pod is given
 * @param context absent: the current one
 * @throws StartError where there is none, or it cannot be read
 */
export function configOf(file: string | undefined, context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new StartError(`the kubeconfig cannot be read: ${wordsOf(error)}`, { cause: error });
  }
  if (file === undefined && isMadeUp(config))
    throw new StartError(
      "expected a kubeconfig in KUBECONFIG or ~/.kube/config, or the ServiceAccount of a Pod, found none: name a file with --kubeconfig",
    );
  if (context !== undefined) config.setCurrentContext(context);
  return config;
}

function isMadeUp(config: KubeConfig): boolean {
  return (
    config.getCurrentContext() === MADE_UP.context && config.getCurrentCluster()?.server === MADE_UP.server
  );
}
