/** A director for tests of the cluster: a real agent on a model of the kernel, with its API on TCP. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { serveTls } from "../../agent/api/tls-server";
import { noLog } from "../../agent/log";
import { AgentSite } from "../unit/agent-site";
import { apiClient } from "../unit/api-client";
import { authority, type Identity, issue } from "../unit/certificates";
import { ModelledServers } from "../unit/modelled-servers";

/** Ports in the network of the tests, each used once. */
let nextPort = 23_000;

/** An authority, and files with what a controller speaks to directors by. */
export class DirectorTrust {
  readonly folder = mkdtempSync(join(tmpdir(), "heye-trust-"));

  private constructor(readonly ca: Identity) {}

  static async make(): Promise<DirectorTrust> {
    const trust = new DirectorTrust(await authority("directors"));
    const own = await issue({ name: "kubernetes" }, trust.ca);
    for (const [name, text] of [
      ["ca.crt", trust.ca.cert],
      ["tls.crt", own.cert],
      ["tls.key", own.key],
    ] as const)
      writeFileSync(join(trust.folder, name), text, { mode: 0o600 });
    return trust;
  }

  /** Arguments of a controller with these directors. */
  args(...directors: readonly DirectorSite[]): string[] {
    const file = (name: string) => join(this.folder, name);
    const tls = ["--tls-ca", file("ca.crt"), "--tls-cert", file("tls.crt"), "--tls-key", file("tls.key")];
    return [...directors.flatMap(({ url }) => ["--director", url]), ...tls];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** One director. Its table and its files stay when its agent ends. */
export class DirectorSite {
  readonly servers = new ModelledServers();
  readonly #trust: DirectorTrust;
  readonly #port = nextPort++;
  #site!: AgentSite;
  #server: Server | undefined;
  #looking: Promise<void> | undefined;
  #ending = new AbortController();

  private constructor(trust: DirectorTrust) {
    this.#trust = trust;
  }

  static async up(trust: DirectorTrust): Promise<DirectorSite> {
    const site = new DirectorSite(trust);
    site.#site = await AgentSite.up(undefined, { dial: site.servers.dial });
    await site.#listen();
    return site;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get name(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** The kernel's table as ipvsadm prints it. */
  get lines(): readonly string[] {
    return this.#site.kernel.lines;
  }

  /** Its API as an operator on the director reaches it. */
  get api() {
    return apiClient(this.#site.socket);
  }

  /** Ends its agent. */
  async stop(): Promise<void> {
    await this.#hangUp();
    await this.#site.stop();
  }

  /** Starts it again. */
  async start(): Promise<void> {
    await this.#site.start({ dial: this.servers.dial });
    await this.#listen();
  }

  async down(): Promise<void> {
    await this.#hangUp();
    await this.#site.down();
  }

  async #listen(): Promise<void> {
    const own = await issue({ addresses: ["127.0.0.1"] }, this.#trust.ca);
    const tls = { ca: this.#trust.ca.cert, ...own };
    const access = { listen: `127.0.0.1:${this.#port}`, tls, readOnly: [], readWrite: ["kubernetes"] };
    this.#server = await serveTls(access, () => this.#site.api, noLog());
    this.#ending = new AbortController();
    this.#looking = this.#look(this.#ending.signal);
  }

  /** What an agent does every 2 s: servers that have drained go then. */
  async #look(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(200);
      await this.#site.keeper.reconcile();
    }
  }

  async #hangUp(): Promise<void> {
    this.#ending.abort();
    await this.#looking;
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }
}
