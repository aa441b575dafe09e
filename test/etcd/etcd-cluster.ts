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
import { type EtcdMember, initialCluster, memberId, memberWords } from "./member-words";

/** Files that a member is to show and to trust. */
export interface EtcdTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** One of its members. */
interface Member extends EtcdMember {
  readonly client: number;
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
    const folder = mkdtempSync(join(tmpdir(), "heye-etcd-"));
    const members = Array.from({ length: count }, (_, index) => {
      const [name, client, peer] = [`m${index + 1}`, ports[2 * index] ?? 0, ports[2 * index + 1] ?? 0];
      return {
        ...{ name, client, process: undefined, folder: join(folder, name) },
        clientUrl: `${tls ? "https" : "http"}://127.0.0.1:${client}`,
        peerUrl: `http://127.0.0.1:${peer}`,
      };
    });
    const cluster = new EtcdCluster(bin, folder, members, tls);
    for (const { name } of members) cluster.start(name);
    await cluster.ready();
    return cluster;
  }

  get endpoints(): string[] {
    return this.members.map(({ clientUrl }) => clientUrl);
  }

  /** Starts a member with the data that it has. */
  start(name: string, state: "new" | "existing" = "new"): void {
    const member = this.#member(name);
    const { tls } = this;
    const words = [
      ...memberWords(member, this.members, { token: this.folder, state }),
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
    await this.#insist(["endpoint", "health", "--command-timeout=2s"], tries);
  }

  async #insist(words: readonly string[], tries = 60): Promise<void> {
    for (let left = tries; ; left--) {
      try {
        await this.ctl(words);
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

  /** Has it leave for good, and takes one of the same name in its place, which has nothing yet. */
  async replace(name: string): Promise<void> {
    const { peerUrl, folder } = this.#member(name);
    await this.kill(name);
    await this.ctl(["member", "remove", memberId(await this.ctl(["member", "list"]), name)]);
    rmSync(folder, { recursive: true, force: true });
    // It takes none while its members have not known each other for some seconds, as after an election.
    await this.#insist(["member", "add", name, `--peer-urls=${peerUrl}`]);
    this.start(name, "existing");
    await this.ready();
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
    return run(join(this.bin, "etcdctl"), [
      ...["--endpoints", asked.map(({ clientUrl }) => clientUrl).join(",")],
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
    const all = initialCluster(this.members);
    const token = randomUUID();
    for (const { name, peerUrl, folder } of this.members) {
      rmSync(folder, { recursive: true, force: true });
      await run(join(this.bin, "etcdutl"), [
        ...["snapshot", "restore", snapshot, "--name", name, "--data-dir", folder],
        ...["--initial-cluster", all, "--initial-cluster-token", token],
        ...["--initial-advertise-peer-urls", peerUrl],
      ]);
    }
    for (const { name } of this.members) this.start(name, "existing");
    await this.ready();
  }

  /** All that it ever held is gone. */
  async wipe(): Promise<void> {
    for (const { name, folder } of this.members) {
      await this.kill(name);
      rmSync(folder, { recursive: true, force: true });
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
