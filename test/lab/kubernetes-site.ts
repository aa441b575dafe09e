/** A lab whose directors are nodes of a real Kubernetes: kube-proxy in IPVS mode makes their tables. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Lab } from "../../lab";
import { ipsetLayer, kubernetesPrograms } from "../../setup";
import { PROJECT_ROOT } from "../../setup/project";
import { Cluster } from "../kubernetes/cluster";
import { until } from "../kubernetes/until";
import { Daemon } from "./daemon";

/** Services get the addresses that the lab's router sends to its directors. */
const SERVICES = "192.0.2.0/24";
/** The Service of the API server itself, which every cluster has: the first address of all. */
const API_SERVICE = "-A -t 192.0.2.1:443";

/** What kube-proxy's rules need of the kernel. Directors see no modules, so the lab's own kernel is asked for them. */
const MODULES = [
  ...["xt_set", "xt_comment", "xt_addrtype", "xt_mark", "ip_set_bitmap_port", "ip_set_hash_ip"],
  ...["ip_set_hash_ipport", "ip_set_hash_ipportip", "ip_set_hash_ipportnet"],
];

/** kube-proxy runs iptables by its plain names, which a package gets when it is installed; those of a lab are not. */
const NAME_IPTABLES = `
for family in iptables ip6tables; do
  for verb in "" -save -restore; do ln -sf /usr/sbin/xtables-legacy-multi /usr/local/sbin/$family$verb; done
done`;

/** A control plane beside a lab, and what of Kubernetes runs on its directors. */
export class KubernetesSite {
  readonly #daemons: Daemon[] = [];

  private constructor(
    readonly lab: Lab,
    readonly cluster: Cluster,
    /** kube-proxy, and the layer with ipset, where directors see them. */
    private readonly program: string,
    private readonly layer: string,
  ) {}

  /** A control plane that the directors of this lab reach, and that ends with this process. */
  static async beside(lab: Lab): Promise<KubernetesSite> {
    const cluster = await Cluster.start({
      address: lab.hostAddress,
      serviceRange: SERVICES,
      enter: (program, args) => lab.beside(program, args),
    });
    await lab.exec("switch", ["modprobe", "-a", ...MODULES]);
    // Directors see the project's folder, and not the cache.
    const program = join(cluster.plane.folder, "kube-proxy");
    await cp((await kubernetesPrograms())["kube-proxy"], program);
    const layer = join(cluster.plane.folder, "ipset");
    await cp(await ipsetLayer(), layer, { recursive: true, verbatimSymlinks: true });
    return new KubernetesSite(lab, cluster, program, layer);
  }

  /** Of a director as a node. */
  addressOf(director: string): string {
    return `10.10.0.${director.slice(1)}`;
  }

  /** Makes a director a node, and starts kube-proxy on it; returns when it has written its first table. */
  async proxy(director: string, ...args: string[]): Promise<Daemon> {
    const addresses = [{ type: "InternalIP", address: this.addressOf(director) }];
    await this.cluster.apply({
      ...{ apiVersion: "v1", kind: "Node", metadata: { name: director } },
      status: { addresses },
    });
    await this.lab.exec(director, ["sh", "-c", NAME_IPTABLES]);
    const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    const daemon = await Daemon.start(this.lab, director, "kube-proxy", [
      "env",
      `PATH=${join(this.layer, "usr/sbin")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      `LD_LIBRARY_PATH=${join(this.layer, "usr/lib", triplet)}`,
      ...[this.program, "--proxy-mode=ipvs", `--hostname-override=${director}`],
      `--kubeconfig=${this.cluster.plane.kubeProxyConfig}`,
      // The kernel's table of connections is the whole lab's.
      ...["--conntrack-max-per-core=0", "--conntrack-min=0"],
      ...["--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0"],
      ...args,
    ]);
    this.#daemons.push(daemon);
    const isThere = async () => (await this.table(director)).includes(API_SERVICE);
    await until(`kube-proxy on ${director} has written a table`, isThere, () => daemon.log());
    return daemon;
  }

  /** Starts our controller on a director; returns when it has its share. */
  async controller(director: string, ...args: string[]): Promise<Daemon> {
    const program = join(PROJECT_ROOT, "dist", "agent", "heye-agent.js");
    const kubeconfig = await this.cluster.accountConfig();
    const argv = [process.execPath, program, "kubernetes", "--kubeconfig", kubeconfig, ...args];
    const daemon = await Daemon.start(this.lab, director, "heye-kubernetes", argv);
    this.#daemons.push(daemon);
    const shares = async () => (await daemon.log()).includes('"event":"share"');
    await until("the controller has its share", shares, () => daemon.log());
    return daemon;
  }

  /** What a director's kernel holds, as `ipvsadm --save -n` prints it. */
  async table(director: string): Promise<string> {
    return (await this.lab.exec(director, ["ipvsadm", "--save", "-n"])).stdout;
  }

  /** Waits until a director's kernel sends new connections for `service` to exactly these servers. */
  async untilTakers(director: string, service: string, servers: readonly string[]): Promise<void> {
    const wanted = [...servers].sort().join();
    await until(
      `${director} sends what comes for ${service} to ${wanted}`,
      async () => takers(await this.table(director), service).join() === wanted,
      async () => [await this.table(director), ...(await this.#logs())],
    );
  }

  async #logs(): Promise<string[]> {
    return Promise.all(this.#daemons.map((daemon) => daemon.log()));
  }

  /** Ends the control plane. To be called before the lab is taken down. */
  async down(): Promise<void> {
    await this.cluster.stop();
  }
}

/** Servers of a virtual server that get new connections, in order. */
function takers(table: string, service: string): string[] {
  return table
    .split("\n")
    .filter((line) => line.startsWith(`-a -t ${service} `) && !/ -w 0\b/.test(line))
    .flatMap((line) => / -r (\S+)/.exec(line)?.[1] ?? [])
    .sort();
}
