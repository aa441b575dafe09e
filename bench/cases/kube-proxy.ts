import { join } from "node:path";
import { PROJECT_ROOT } from "../../setup/project";
import { service, v1Endpoints } from "../../test/kubernetes/objects";
import { KubernetesSite } from "../../test/lab/kubernetes-site";
import { type Bench, BenchError, type BenchOptions } from "../bench";
import { deaths, type Finder } from "../kubernetes/deaths";
import { type Measurement, median } from "../record";
import { interleaved } from "../rounds";

const DIRECTOR = "d1";
const TIMEOUT_MS = 180_000;

/** How long a server that has died gets new connections from a kernel that kube-proxy keeps. */
export const kubeProxy: Bench = {
  about:
    "servers that die until kube-proxy's table is without them, against models of HeYe's first version and of a kubelet",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const { lab } = await sites.get(quick ? 3 : 1);
    const site = await KubernetesSite.beside(lab);
    try {
      await site.proxy(DIRECTOR);
      const run = new Run(site, quick ? 3 : 20, say);
      const told = await interleaved<number[], "ours" | "peer" | "kubelet">(rounds, {
        ours: () => run.measure("controller"),
        peer: () => run.measure("first-version"),
        kubelet: () => run.measure("kubelet"),
      });
      return [
        ...against("model of HeYe's first version: the same checks, states polled each second", "", told),
        ...against("model of a kubelet: an equal readiness probe of a Pod", "-kubelet", {
          ours: told.ours,
          peer: told.kubelet,
        }),
      ];
    } finally {
      await site.down();
      // kube-proxy has been at its directors: nobody else can use them.
      await sites.down();
    }
  },
};

function against(
  peer: string,
  suffix: string,
  told: { readonly ours: readonly number[][]; readonly peer: readonly number[][] },
): Measurement[] {
  const worst = (rounds: readonly number[][]) => rounds.map((round) => Math.max(...round));
  const same = { unit: "s", against: peer, aim: 1 } as const;
  return [
    { ...same, name: `kube-proxy/out${suffix}`, ours: told.ours.flat(), peer: told.peer.flat() },
    { ...same, name: `kube-proxy/out-worst${suffix}`, ours: worst(told.ours), peer: worst(told.peer) },
  ];
}

/** Measures again and again at one API server, each time with a namespace and a network of its own. */
class Run {
  #count = 0;

  constructor(
    private readonly site: KubernetesSite,
    private readonly servers: number,
    private readonly say: (text: string) => void,
  ) {}

  /** @returns of each server, seconds until it was out */
  async measure(finder: Finder): Promise<number[]> {
    const { cluster, lab } = this.site;
    const net = `10.${100 + ++this.#count}`;
    const places = Array.from({ length: this.servers }, (_, index) => `${net}.0.${index + 1}`);
    const namespace = await cluster.namespace();
    const items = finder === "kubelet" ? podsOf(places) : listed(places);
    await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace);
    // Only the model of a kubelet writes Pods, which the controller's account may not.
    const kubeconfig = finder === "kubelet" ? cluster.plane.adminConfig : await cluster.accountConfig();
    const agent = join(PROJECT_ROOT, "dist", "agent", "heye-agent.js");
    const order = { finder, agent, kubeconfig, namespace, network: `${net}.0.0/16`, places };
    const program = join(PROJECT_ROOT, "dist", "bench", "kubernetes", "on-director.js");
    const { code, stdout, stderr } = await lab.exec(DIRECTOR, [process.execPath, program], {
      stdin: JSON.stringify(order),
      timeoutMs: TIMEOUT_MS,
    });
    if (code !== 0) throw new BenchError(`${finder} on ${DIRECTOR}: status ${code}: ${stderr}`);
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
    const { outS } = deaths.parse(JSON.parse(stdout));
    this.say(`${finder}: ${median(outS).toFixed(2)} s, at most ${Math.max(...outS).toFixed(2)} s`);
    return outS;
  }
}

/** A Service for each address, which its Endpoints name. */
function listed(places: readonly string[]): object[] {
  return places.flatMap((place, index) => [service(`s${index}`), v1Endpoints(`s${index}`, [place])]);
}

/** A Service for each address, with a Pod that nobody runs but the model. */
function podsOf(places: readonly string[]): object[] {
  return places.flatMap((_, index) => {
    const labels = { server: `s${index}` };
    const made = service(`s${index}`);
    const spec = {
      nodeName: DIRECTOR,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "server", image: "none" }],
    };
    return [
      { ...made, spec: { ...made.spec, selector: labels } },
      { apiVersion: "v1", kind: "Pod", metadata: { name: `p${index}`, labels }, spec },
    ];
  });
}
