import { cp } from "node:fs/promises";
import { join } from "node:path";
import { kubelet } from "../../setup";
import { PROJECT_ROOT } from "../../setup/project";
import { HEYE_V1 } from "../../spec/presets";
import { managedSlice, service, v1Endpoints } from "../../test/kubernetes/objects";
import { KubernetesSite } from "../../test/lab/kubernetes-site";
import { type Bench, BenchError, type BenchOptions } from "../bench";
import { TABLE_POLL_MS } from "../guest/kernel-table";
import { deaths, type Finder } from "../kubernetes/deaths";
import { type Measurement, median } from "../record";
import { interleaved } from "../rounds";

const DIRECTOR = "d1";
const TIMEOUT_MS = 180_000;
const AGENT = join(PROJECT_ROOT, "dist", "agent", "heye-agent.js");
const INSIDE = join(PROJECT_ROOT, "dist", "bench", "kubernetes", "on-director.js");

/** How long a server that has died gets new connections from a kernel that kube-proxy keeps. */
export const kubeProxy: Bench = {
  about:
    "servers that die until kube-proxy's table is without them, against a model of HeYe's first version and a kubelet",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const { lab } = await sites.get(quick ? 3 : 1);
    const site = await KubernetesSite.beside(lab);
    try {
      await site.proxy(DIRECTOR);
      // Directors see the project's folder, and not the cache.
      const program = join(site.cluster.plane.folder, "kubelet");
      await cp(await kubelet(), program);
      const run = new Run(site, program, quick ? 3 : 20, say);
      const told = await interleaved<number[], "endpoints" | "model" | "slices" | "kubelet">(rounds, {
        endpoints: () => run.measure("controller"),
        model: () => run.measure("first-version"),
        slices: () => run.measure("controller-slices"),
        kubelet: () => run.measure("kubelet"),
      });
      const model = "model of HeYe's first version: the same checks, states polled each second";
      const probe = "a kubelet without containers: an equal readiness probe of a Pod";
      return [
        ...against(model, "", told.endpoints, told.model),
        ...against(probe, "-slices", told.slices, told.kubelet),
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
  ours: readonly number[][],
  theirs: readonly number[][],
): Measurement[] {
  const worst = (rounds: readonly number[][]) => rounds.map((round) => Math.max(...round));
  const same = { unit: "s", against: peer, aim: 1, resolution: TABLE_POLL_MS / 1_000 } as const;
  return [
    { ...same, name: `kube-proxy/out${suffix}`, ours: ours.flat(), peer: theirs.flat() },
    { ...same, name: `kube-proxy/out-worst${suffix}`, ours: worst(ours), peer: worst(theirs) },
  ];
}

/** Measures again and again at one API server, each time with a namespace and a network of its own. */
class Run {
  #count = 0;

  constructor(
    private readonly site: KubernetesSite,
    private readonly kubelet: string,
    private readonly servers: number,
    private readonly say: (text: string) => void,
  ) {}

  /** @returns of each server, seconds until it was out */
  async measure(finder: Finder): Promise<number[]> {
    const { cluster, lab } = this.site;
    const net = `10.${100 + ++this.#count}`;
    const places = Array.from({ length: this.servers }, (_, index) => `${net}.0.${index + 1}`);
    const namespace = await cluster.namespace();
    const items = OBJECTS[finder](places);
    await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace);
    // Only a kubelet writes Pods, which the controller's account may not.
    const kubeconfig = finder === "kubelet" ? cluster.plane.adminConfig : await cluster.accountConfig();
    const node = { node: DIRECTOR, nodeAddress: this.site.addressOf(DIRECTOR) };
    const program = finder === "kubelet" ? this.kubelet : AGENT;
    const order = { finder, program, ...node, kubeconfig, namespace, network: `${net}.0.0/16`, places };
    const { code, stdout, stderr } = await lab.exec(DIRECTOR, [process.execPath, INSIDE], {
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

/** What is in a namespace for each address: a Service, and what says which servers it has. */
const OBJECTS: Readonly<Record<Finder, (places: readonly string[]) => object[]>> = {
  controller: endpointsOf,
  "controller-slices": slicesOf,
  "first-version": endpointsOf,
  kubelet: podsOf,
};

function endpointsOf(places: readonly string[]): object[] {
  return places.flatMap((place, index) => [service(`s${index}`), v1Endpoints(`s${index}`, [place])]);
}

function slicesOf(places: readonly string[]): object[] {
  return places.flatMap((place, index) => {
    const slice = managedSlice(`s${index}`, `s${index}`, [place]);
    const annotations = { "heye.io/health-check": JSON.stringify(CHECK) };
    return [service(`s${index}`), { ...slice, metadata: { ...slice.metadata, annotations } }];
  });
}

/** What HeYe's first version does, and so what the annotations of Endpoints stand for. */
const CHECK = { type: "http", ...HEYE_V1 };

/** A readiness probe as near to the controller's check as a kubelet's whole seconds allow. */
const PROBE = {
  ...{ httpGet: { path: "/", port: 80 } },
  ...{ periodSeconds: 2, timeoutSeconds: 1, failureThreshold: 2, successThreshold: 1 },
};

/** A Service for each address, with a Pod that the kubelet takes to have it. */
function podsOf(places: readonly string[]): object[] {
  return places.flatMap((place, index) => {
    const labels = { server: `s${index}` };
    const made = service(`s${index}`);
    const spec = {
      nodeName: DIRECTOR,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "server", image: "none", readinessProbe: PROBE }],
    };
    const metadata = { name: `p${index}`, labels, annotations: { "heye.io/address": place } };
    return [
      { ...made, spec: { ...made.spec, selector: labels } },
      { apiVersion: "v1", kind: "Pod", metadata, spec },
    ];
  });
}
