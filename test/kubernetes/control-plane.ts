/** A real API server with etcd and the controllers of endpoints, on loopback or where a lab's directors reach it. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type KubernetesPrograms, kubernetesPrograms } from "../../setup";
import { leashed } from "../../setup/command";
import { RUNTIME_FOLDER } from "../../setup/project";
import { until } from "./until";

/** Ports in the network of the tests, which nobody else uses. */
const PORTS = { api: 16_443, manager: 16_444, etcd: 12_379, etcdPeer: 12_380 } as const;

/** Controllers that concern Services and their servers, tokens, and what is deleted with what owns it. */
const CONTROLLERS = [
  "endpoints-controller",
  "endpointslice-controller",
  "endpointslice-mirroring-controller",
  "serviceaccount-controller",
  "namespace-controller",
  "garbage-collector-controller",
];

/** Who wrote what, and how that ended: the requests that tests count. */
const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "Metadata", verbs: ["create", "update", "patch", "delete"] },
    { level: "None", verbs: ["get", "list", "watch"] },
  ],
};

const execFileAsync = promisify(execFile);

/** In which network a control plane is. */
export interface Place {
  /** Of the API server. */
  readonly address: string;
  /** What Services get their addresses from. */
  readonly serviceRange: string;
  /** The command line that runs a program there. */
  enter(program: string, args: readonly string[]): [program: string, args: string[]];
}

/** The network of this process. */
const HERE: Place = {
  address: "127.0.0.1",
  serviceRange: "10.11.0.0/16",
  enter: (program, args) => [program, [...args]],
};

/** Its processes die with this one, however that ends. */
export class ControlPlane {
  readonly folder: string;
  readonly #programs: KubernetesPrograms;
  readonly #place: Place;
  readonly #children = new Map<string, ChildProcess>();
  readonly #tokens = { admin: secret(), kubeProxy: secret() };

  private constructor(programs: KubernetesPrograms, place: Place, folder: string) {
    this.#programs = programs;
    this.#place = place;
    this.folder = folder;
  }

  static async start(place: Place = HERE): Promise<ControlPlane> {
    const plane = new ControlPlane(await kubernetesPrograms(), place, freshFolder());
    plane.#writeFiles();
    plane.#startEtcd();
    await plane.startApiServer();
    plane.#startManager();
    return plane;
  }

  /** `https://ADDRESS:PORT`. */
  get url(): string {
    return `https://${this.#place.address}:${PORTS.api}`;
  }

  /** Runs kubectl as the administrator. @returns what it says */
  async kubectl(args: readonly string[], input = ""): Promise<string> {
    const kubectl = ["--kubeconfig", this.#configFile("admin"), ...args];
    const [program, argv] = this.#place.enter(this.#programs.kubectl, kubectl);
    const running = execFileAsync(program, argv, { maxBuffer: 64 * 1024 * 1024 });
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  get caFile(): string {
    return join(this.folder, "certificates", "apiserver.crt");
  }

  /** A kubeconfig of the administrator. */
  get adminConfig(): string {
    return this.writeConfig("admin", { token: this.#tokens.admin });
  }

  /** A kubeconfig of kube-proxy's own user, which may do what Kubernetes lets a node's proxy do. */
  get kubeProxyConfig(): string {
    return this.writeConfig("kube-proxy", { token: this.#tokens.kubeProxy });
  }

  get auditLog(): string {
    return join(this.folder, "audit.log");
  }

  /** Writes a kubeconfig. @returns its path */
  writeConfig(
    name: string,
    user: { readonly token: string },
    server: { readonly url: string; readonly caFile: string } = this,
  ): string {
    const file = this.#configFile(name);
    const cluster = { server: server.url, "certificate-authority": server.caFile };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster }],
      users: [{ name: "test", user }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace: "heye-system" } }],
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  /** Starts the API server, or starts it again, and waits until it is ready. */
  async startApiServer(): Promise<void> {
    const key = join(this.folder, "accounts.key");
    this.#run("kube-apiserver", [
      `--etcd-servers=http://127.0.0.1:${PORTS.etcd}`,
      ...[`--bind-address=${this.#place.address}`, `--advertise-address=${this.#place.address}`],
      `--secure-port=${PORTS.api}`,
      `--cert-dir=${join(this.folder, "certificates")}`,
      ...[`--service-cluster-ip-range=${this.#place.serviceRange}`, "--endpoint-reconciler-type=none"],
      "--service-account-issuer=https://kubernetes.default.svc",
      ...[`--service-account-signing-key-file=${key}`, `--service-account-key-file=${key}`],
      ...[`--token-auth-file=${join(this.folder, "tokens.csv")}`, "--authorization-mode=RBAC"],
      ...["--disable-admission-plugins=ServiceAccount", "--enable-priority-and-fairness=false"],
      ...[`--audit-policy-file=${join(this.folder, "audit.json")}`, `--audit-log-path=${this.auditLog}`],
    ]);
    await until(
      "the API server is ready",
      () => this.#isReady(),
      () => this.#lastWords("kube-apiserver"),
    );
  }

  /** Kills the API server, as a power failure would. */
  async killApiServer(): Promise<void> {
    await this.#end("kube-apiserver", "SIGKILL");
  }

  /** Ends everything, and removes what it has written. */
  async stop(): Promise<void> {
    for (const name of ["kube-controller-manager", "kube-apiserver", "etcd"])
      await this.#end(name, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  #writeFiles(): void {
    const write = (name: string, text: string) =>
      writeFileSync(join(this.folder, name), text, { mode: 0o600 });
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    write("accounts.key", privateKey.export({ type: "sec1", format: "pem" }).toString());
    const { admin, kubeProxy } = this.#tokens;
    write("tokens.csv", `${admin},admin,admin,"system:masters"\n${kubeProxy},system:kube-proxy,kube-proxy\n`);
    this.writeConfig("admin", { token: admin });
    write("audit.json", JSON.stringify(AUDIT_POLICY));
  }

  #startEtcd(): void {
    const [client, peer] = [`http://127.0.0.1:${PORTS.etcd}`, `http://127.0.0.1:${PORTS.etcdPeer}`];
    this.#run("etcd", [
      ...["--data-dir", join(this.folder, "etcd"), "--unsafe-no-fsync"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", `default=${peer}`],
    ]);
  }

  #startManager(): void {
    const config = this.adminConfig;
    this.#run("kube-controller-manager", [
      ...[
        "--kubeconfig",
        config,
        "--authentication-kubeconfig",
        config,
        "--authorization-kubeconfig",
        config,
      ],
      ...["--bind-address=127.0.0.1", `--secure-port=${PORTS.manager}`, "--leader-elect=false"],
      `--cert-dir=${join(this.folder, "manager-certificates")}`,
      `--controllers=${CONTROLLERS.join(",")}`,
    ]);
  }

  #run(program: keyof KubernetesPrograms, args: readonly string[]): void {
    const [file, argv] = this.#place.enter(...leashed(this.#programs[program], args));
    const log = openSync(join(this.folder, `${program}.log`), "a");
    this.#children.set(program, spawn(file, argv, { stdio: ["ignore", log, log] }));
  }

  async #end(program: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#children.get(program);
    this.#children.delete(program);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  #isReady(): Promise<boolean> {
    if (this.#children.get("kube-apiserver")?.exitCode != null)
      throw new Error(`the API server has ended:\n${this.#lastWords("kube-apiserver")}`);
    return this.kubectl(["get", "--raw=/readyz"]).then(
      () => true,
      () => false,
    );
  }

  #configFile(name: string): string {
    return join(this.folder, `${name}.kubeconfig`);
  }

  #lastWords(program: string): string {
    return readFileSync(join(this.folder, `${program}.log`), "utf8").slice(-2_000);
  }
}

function secret(): string {
  return randomBytes(16).toString("hex");
}

/** A folder of this process; those of processes that were killed are removed. */
function freshFolder(): string {
  const parent = join(RUNTIME_FOLDER, "test");
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const running = new Set(readdirSync("/proc"));
  for (const name of readdirSync(parent)) {
    const [, pid] = /^kubernetes-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !running.has(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `kubernetes-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}
