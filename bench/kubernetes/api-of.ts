import { KubeConfig } from "@kubernetes/client-node";
import { Api } from "../../kubernetes/api";

/** The API server that a kubeconfig names. */
export function apiOf(file: string): Api {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return new Api(config, "bench");
}
