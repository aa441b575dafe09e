import * as http from "node:http";
import type { Api } from "../../kubernetes/api";

/** A readiness probe as near to the controller's check as a kubelet's whole seconds allow. */
const PROBE = { periodMs: 2_000, timeoutMs: 1_000, failureThreshold: 2 } as const;

/**
 * A model of a kubelet that probes Pods: each by a ticker of its own, a failure counts at the failureThreshold-th in a row, a
 * success at once, and a change is written to the Pod's status without waiting for anything. So do pkg/kubelet/prober/worker.go
 * and pkg/kubelet/status/status_manager.go of Kubernetes 1.36; they need a container runtime, which is not everywhere to
 * be had. What a kubelet has to do besides is left out.
 */
export class Kubelet {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #writes = new Set<Promise<unknown>>();

  private constructor(api: Api, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  /** Runs the Pods `p0`, `p1`, ..., which are there already: each has one of the addresses and is ready. */
  static async start(api: Api, namespace: string, places: readonly string[]): Promise<Kubelet> {
    const kubelet = new Kubelet(api, namespace);
    await Promise.all(places.map((place, index) => kubelet.#write(`p${index}`, place, true)));
    places.forEach((place, index) => {
      const begin = () => kubelet.#probe(`p${index}`, place);
      kubelet.#timers.push(setTimeout(begin, (index * PROBE.periodMs) / places.length));
    });
    return kubelet;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#writes);
  }

  #probe(pod: string, host: string): void {
    let [isReady, failures] = [true, 0];
    const done = (isWell: boolean) => {
      failures = isWell ? 0 : failures + 1;
      const shall = isWell || (isReady && failures < PROBE.failureThreshold);
      if (shall === isReady) return;
      isReady = shall;
      const writing = this.#write(pod, host, shall).finally(() => this.#writes.delete(writing));
      this.#writes.add(writing);
    };
    const ask = () => askOnce(host, done);
    ask();
    this.#timers.push(setInterval(ask, PROBE.periodMs));
  }

  #write(pod: string, ip: string, isReady: boolean): Promise<unknown> {
    const conditions = ["Ready", "ContainersReady"].map((type) => ({
      type,
      status: isReady ? "True" : "False",
    }));
    const body = { status: { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions } };
    const path = `/api/v1/namespaces/${this.#namespace}/pods/${pod}/status`;
    return this.#api.request({ method: "PATCH", path, body });
  }
}

function askOnce(host: string, done: (isWell: boolean) => void): void {
  const asking = http.request({ host, agent: false, timeout: PROBE.timeoutMs }, (answer) => {
    answer.resume();
    done((answer.statusCode ?? 500) < 400);
  });
  asking.on("timeout", () => asking.destroy(new Error("no answer in time")));
  asking.on("error", () => done(false)).end();
}
