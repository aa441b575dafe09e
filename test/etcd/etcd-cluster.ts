/** A real etcd on loopback, for one test: its members can be killed, stopped, and given their data anew. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leashed, run } from "../../setup/command";
import { etcd } from "../../setup/etcd";

/** Files that a member is to show and to trust. */
export interface EtcdTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** One of its members. */
interface Member {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  process: ChildProcess | undefined;
}

export class EtcdCluster {
  private constructor(
    readonly bin: string,
    readonly folder: string,
    readonly members: readonly Member[],
    private readonly tls: EtcdTls | undefined,
  ) {}

  /** @param tls client certificates are asked for then */
  static async up(count = 3, tls?: EtcdTls): Promise<EtcdCluster> {
    const bin = await etcd();
    const ports = await freePorts(2 * count);
    const members = Array.from({ length: count }, (_, index) => ({
      ...{ name: `m${index + 1}`, client: ports[2 * index] ?? 0, peer: ports[2 * index + 1] ?? 0 },
      process: undefined,
    }));
    const cluster = new EtcdCluster(bin, mkdtempSync(join(tmpdir(), "heye-etcd-")), members, tls);
    for (const { name } of members) cluster.start(name);
    await cluster.ready();
    return cluster;
  }

  get endpoints(): string[] {
    const scheme = this.tls ? "https" : "http";
    return this.members.map(({ client }) => `${scheme}://127.0.0.1:${client}`);
  }

  /** Starts a member with the data that it has. */
  start(name: string, state: "new" | "existing" = "new"): void {
    const member = this.#member(name);
    const { tls } = this;
    const scheme = tls ? "https" : "http";
    const [client, peer] = [`${scheme}://127.0.0.1:${member.client}`, `http://127.0.0.1:${member.peer}`];
    const all = this.members.map((one) => `${one.name}=http://127.0.0.1:${one.peer}`).join(",");
    const words = [
      ...["--name", name, "--data-dir", this.#data(name), "--log-level", "error", "--unsafe-no-fsync"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", all, "--initial-cluster-token", this.folder, "--initial-cluster-state", state],
      ...["--heartbeat-interval", "50", "--election-timeout", "500"],
      ...(tls
        ? ["--cert-file", tls.cert, "--key-file", tls.key, "--trusted-ca-file", tls.ca, "--client-cert-auth"]
        : []),
    ];
    // Dies with this process, however that ends.
    const [program, args] = leashed(join(this.bin, "etcd"), words);
    member.process = spawn(program, args, { stdio: ["ignore", "ignore", "ignore"] });
  }

  /** Waits until it takes what it is told. */
  async ready(tries = 60): Promise<void> {
    for (let left = tries; ; left--) {
      try {
        await this.ctl(["endpoint", "health", "--command-timeout=2s"]);
        return;
      } catch (error) {
        if (left === 0) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }

  async kill(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const member = this.#member(name);
    const child = member.process;
    member.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    child.kill("SIGCONT");
    await ended;
  }

  /** It stands still, and its connections stay open. */
  pause(name: string): void {
    this.#member(name).process?.kill("SIGSTOP");
  }

  resume(name: string): void {
    this.#member(name).process?.kill("SIGCONT");
  }

  /** What the members that run, or one of them, are told by etcd's own tool. */
  async ctl(
    words: readonly string[],
    how: { readonly login?: string; readonly member?: string } = {},
  ): Promise<string> {
    const { tls } = this;
    const { login, member } = how;
    const asked = this.members.filter(
      (one) => one.process !== undefined && (member ?? one.name) === one.name,
    );
    const scheme = tls ? "https" : "http";
    return run(join(this.bin, "etcdctl"), [
      ...["--endpoints", asked.map(({ client }) => `${scheme}://127.0.0.1:${client}`).join(",")],
      ...(tls ? ["--cacert", tls.ca, "--cert", tls.cert, "--key", tls.key] : []),
      ...(login === undefined ? [] : ["--user", login]),
      ...words,
    ]);
  }

  /** Has a snapshot of etcd's own written to a file. */
  async save(file: string): Promise<void> {
    await this.ctl(["snapshot", "save", file], { member: "m1" });
  }

  /** Puts a snapshot of etcd's own into the place of all data, as after a disaster. */
  async restore(snapshot: string): Promise<void> {
    for (const { name } of this.members) await this.kill(name);
    const all = this.members.map((one) => `${one.name}=http://127.0.0.1:${one.peer}`).join(",");
    const token = randomUUID();
    for (const { name, peer } of this.members) {
      rmSync(this.#data(name), { recursive: true, force: true });
      await run(join(this.bin, "etcdutl"), [
        ...["snapshot", "restore", snapshot, "--name", name, "--data-dir", this.#data(name)],
        ...["--initial-cluster", all, "--initial-cluster-token", token],
        ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
      ]);
    }
    for (const { name } of this.members) this.start(name, "existing");
    await this.ready();
  }

  /** All that it ever held is gone. */
  async wipe(): Promise<void> {
    for (const { name } of this.members) {
      await this.kill(name);
      rmSync(this.#data(name), { recursive: true, force: true });
    }
    for (const { name } of this.members) this.start(name);
    await this.ready();
  }

  async down(): Promise<void> {
    for (const { name } of this.members) await this.kill(name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #member(name: string): Member {
    const found = this.members.find((one) => one.name === name);
    if (!found) throw new Error(`there is no member ${name}`);
    return found;
  }

  #data(name: string): string {
    return join(this.folder, name);
  }
}

/** Ports that nobody listens on at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
