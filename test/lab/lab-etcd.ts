/** A real etcd on servers of a lab: one member on each, which can be killed, stopped, cut off and replaced. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Lab } from "../../lab";
import { etcd } from "../../setup";
import { type EtcdMember, memberId, memberWords } from "../etcd/member-words";

/** Longer than an election takes, and than members need to trust each other again. */
const PATIENCE_MS = 40_000;

/** Starts a program that outlives the shell, and writes down what it is. */
const START = 'log=$1 pid=$2; shift 2; setsid "$@" >"$log" 2>&1 </dev/null & echo $! >"$pid"';

export class LabEtcd {
  readonly #running = new Set<string>();
  readonly #paused = new Set<string>();
  /** Nodes, and the servers that nothing of them reaches. */
  readonly #cuts: (readonly [node: string, server: string])[] = [];

  private constructor(
    private readonly bin: string,
    private readonly lab: Lab,
    readonly members: readonly EtcdMember[],
  ) {}

  /** @param servers of the lab; a member goes by its server's name */
  static async up(lab: Lab, servers: readonly string[]): Promise<LabEtcd> {
    const members = servers.map((name) => ({
      name,
      clientUrl: `http://${addressOf(lab, name)}:2379`,
      peerUrl: `http://${addressOf(lab, name)}:2380`,
      folder: `/tmp/heye-etcd-${name}`,
    }));
    const store = new LabEtcd(await etcd(), lab, members);
    for (const name of servers) await store.start(name);
    await store.ready();
    return store;
  }

  get endpoints(): string[] {
    return this.members.map(({ clientUrl }) => clientUrl);
  }

  get names(): string[] {
    return this.members.map(({ name }) => name);
  }

  /** Starts a member with the data that it has. */
  async start(name: string, state: "new" | "existing" = "new"): Promise<void> {
    const words = memberWords(this.#member(name), this.members, { token: "lab", state });
    const files = [`/tmp/heye-etcd-${name}.log`, this.#pidFile(name)];
    await this.#on(name, "sh", "-c", START, "sh", ...files, join(this.bin, "etcd"), ...words);
    this.#running.add(name);
  }

  /** Waits until every member that runs takes what it is told. */
  async ready(): Promise<void> {
    await this.#insist(["endpoint", "health", "--command-timeout=2s"]);
  }

  async kill(name: string): Promise<void> {
    await this.#signal("KILL", name);
    this.#running.delete(name);
  }

  /** It stands still, and its connections stay open. */
  async pause(name: string): Promise<void> {
    await this.#signal("STOP", name);
    this.#paused.add(name);
  }

  async resume(name: string): Promise<void> {
    await this.#signal("CONT", name);
    this.#paused.delete(name);
  }

  /** Has a member leave for good, and takes one of the same name in its place, which has nothing yet. */
  async replace(name: string): Promise<void> {
    const { peerUrl, folder } = this.#member(name);
    await this.kill(name);
    await this.#insist(["member", "remove", memberId(await this.#insist(["member", "list"]), name)]);
    await this.#on(name, "rm", "-rf", folder);
    await this.#insist(["member", "add", name, `--peer-urls=${peerUrl}`]);
    await this.start(name, "existing");
    await this.ready();
  }

  /** Has all forget what lies behind the newest of everything. */
  async compact(): Promise<void> {
    const held = await this.#insist(["get", "x", "--write-out=json"]);
    const revision = /"revision":(\d+)/.exec(held)?.[1] ?? "1";
    await this.#insist(["compaction", "--physical", revision]);
  }

  /** From now on nothing that these nodes send reaches any of these servers, and nobody is told. */
  async cut(nodes: readonly string[], servers: readonly string[]): Promise<void> {
    for (const node of nodes)
      for (const server of servers) {
        await this.#rule("-I", node, server);
        this.#cuts.push([node, server]);
      }
  }

  /** All members run, and nobody is cut off any more. */
  async mendAll(): Promise<void> {
    for (const [node, server] of this.#cuts.splice(0)) await this.#rule("-D", node, server);
    for (const name of this.#paused) await this.resume(name);
    for (const { name } of this.members) if (!this.#running.has(name)) await this.start(name);
    await this.ready();
  }

  /** Nothing is left of it. */
  async down(): Promise<void> {
    for (const { name, folder } of this.members) {
      if (this.#running.has(name)) await this.kill(name);
      await this.#on(name, "rm", "-rf", folder, this.#pidFile(name));
    }
  }

  /** What a member tells of itself to Prometheus. */
  metrics(name: string): Promise<string> {
    const script = "fetch(process.argv[1]).then((a) => a.text()).then((text) => process.stdout.write(text))";
    return this.#on(name, process.execPath, "-e", script, `${this.#member(name).clientUrl}/metrics`);
  }

  async #rule(how: "-I" | "-D", node: string, server: string): Promise<void> {
    const rule = ["OUTPUT", "-d", addressOf(this.lab, server), "-j", "DROP"];
    await this.#on(node, "iptables-legacy", how, ...rule);
  }

  async #signal(signal: "KILL" | "STOP" | "CONT", name: string): Promise<void> {
    await this.#on(name, "sh", "-c", 'kill "-$1" "$(cat "$2")"', "sh", signal, this.#pidFile(name));
  }

  /** Asks etcd's own tool, on a member that runs, until it succeeds. */
  async #insist(words: readonly string[]): Promise<string> {
    const awake = this.names.filter((name) => this.#running.has(name) && !this.#paused.has(name));
    const [node = ""] = awake;
    const endpoints = awake.map((name) => this.#member(name).clientUrl).join(",");
    for (const end = Date.now() + PATIENCE_MS; ; await delay(250)) {
      const argv = [join(this.bin, "etcdctl"), "--endpoints", endpoints, ...words];
      const { code, stdout, stderr } = await this.lab.exec(node, argv);
      if (code === 0) return stdout;
      if (Date.now() > end) throw new Error(`etcdctl ${words.join(" ")}: ${stdout}${stderr}`);
    }
  }

  async #on(node: string, ...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(node, argv);
    if (code !== 0) throw new Error(`${argv.join(" ")} on ${node}: ${stdout}${stderr}`);
    return stdout;
  }

  #pidFile(name: string): string {
    return `/tmp/heye-etcd-${name}.pid`;
  }

  #member(name: string): EtcdMember {
    const found = this.members.find((one) => one.name === name);
    if (!found) throw new Error(`there is no member ${name}`);
    return found;
  }
}

function addressOf(lab: Lab, server: string): string {
  const found = lab.inventory.servers.find(({ name }) => name === server);
  if (!found) throw new Error(`there is no server ${server}`);
  return found.address;
}
