/** Breaks things on purpose, and mends them. */
import { type Impairment, type Network, wholeImpairment } from "../impairment";
import { networkOf, type World } from "./build";
import type { Director } from "./director";
import { type ActiveFault, FaultList } from "./fault-list";
import { assertOnNetwork, forgetNeighbours, impairLink, restoreLink, setLinks } from "./links";
import { announce } from "./nexthops";
import { reboot } from "./reboot";
import { type HangStage, hangSshd, startSshd, stopSshd } from "./sshd";
import type { RealServer, Service } from "./web";

/** Services that can be stopped and started. */
export const SERVICES = ["http", "tcp", "udp", "mysql", "sshd"] as const;
type AnyService = (typeof SERVICES)[number];

/** The faults of one world. */
export class Faults {
  readonly #world: World;
  readonly #list = new FaultList();
  /** Directors the router does not send to. */
  readonly #withdrawn = new Set<string>();
  readonly #rebooting = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The faults that are on. */
  get active(): ActiveFault[] {
    return this.#list.all;
  }

  /** The directors the router sends to. */
  get announced(): string[] {
    return this.#announcedNodes().map((node) => node.name);
  }

  /** Cuts a director off, as if its power were gone. `withdraw`: the router stops sending to it, as BGP would. */
  killDirector(name: string, withdraw: boolean): void {
    setLinks(this.#world, this.#director(name).node, "down");
    if (withdraw) this.#withdrawn.add(name);
    this.#announce();
    this.#list.add({ kind: "kill-director", node: name, withdrawn: this.#withdrawn.has(name) });
  }

  /** Connects a director again and lets the router send to it. Its table is what it was. */
  restoreDirector(name: string): void {
    setLinks(this.#world, this.#director(name).node, "up");
    this.#withdrawn.delete(name);
    this.#announce();
    this.#list.remove({ kind: "kill-director", node: name });
    this.#list.remove({ kind: "reboot-director", node: name });
  }

  /**
   * Reboots a director and returns when its sshd listens. The router does not send to it meanwhile, nor afterwards
   * unless `announced`. Cables that were down are up then, and its sshd is well; slow and lossy networks stay so.
   */
  async rebootDirector(name: string, announced: boolean): Promise<void> {
    const director = this.#director(name);
    if (this.#rebooting.has(name)) throw new Error(`${name} is rebooting already`);
    this.#rebooting.add(name);
    this.#withdrawn.add(name);
    try {
      this.#announce();
      const next = await reboot(this.#world, director);
      for (const fault of this.#list.of("impair-network"))
        if (fault.node === name) impairLink(this.#world, name, fault.network, fault);
      await next.listening;
    } finally {
      this.#rebooting.delete(name);
    }
    this.#list.remove({ kind: "hang-ssh", node: name });
    this.#list.remove({ kind: "stop-service", node: name, service: "sshd" });
    this.#list.remove({ kind: "kill-director", node: name });
    if (announced) this.restoreDirector(name);
    else this.#list.add({ kind: "reboot-director", node: name });
  }

  /** Cuts a real server off: it is silent. */
  killServer(name: string): void {
    setLinks(this.#world, this.#server(name).node, "down");
    this.#list.add({ kind: "kill-server", node: name });
  }

  /** Connects a real server again. */
  restoreServer(name: string): void {
    const { node } = this.#server(name);
    setLinks(this.#world, node, "up");
    forgetNeighbours(this.#world, node);
    this.#list.remove({ kind: "kill-server", node: name });
  }

  /** Makes a node's link to one network slow or lossy; replaces what was wrong with that link before. */
  impairNetwork(name: string, network: Network, impairment: Impairment): void {
    const how = wholeImpairment(impairment);
    assertOnNetwork(this.#world, name, network);
    this.restoreNetwork(name, network);
    impairLink(this.#world, name, network, how);
    this.#list.add({ kind: "impair-network", node: name, network, ...how });
  }

  /** Makes a node's link to one network good again, or those to all of its networks. */
  restoreNetwork(name: string, network?: Network): void {
    if (network) assertOnNetwork(this.#world, name, network);
    for (const fault of this.#list.of("impair-network")) {
      if (fault.node !== name || (network !== undefined && fault.network !== network)) continue;
      restoreLink(this.#world, name, fault.network);
      this.#list.remove(fault);
    }
  }

  /** Makes the sshd of a director hang. */
  async hangSsh(name: string, stage: HangStage): Promise<void> {
    await hangSshd(this.#director(name), stage);
    this.#list.remove({ kind: "stop-service", node: name, service: "sshd" });
    this.#list.add({ kind: "hang-ssh", node: name, stage });
  }

  /** Stops a service: its port refuses, its connections are reset. */
  async stopService(name: string, service: AnyService): Promise<void> {
    if (service === "sshd") {
      await stopSshd(this.#director(name));
      this.#list.remove({ kind: "hang-ssh", node: name });
    } else if (service === "mysql") await this.#database(name).stop();
    else this.#webService(name, service).stop(service);
    this.#list.add({ kind: "stop-service", node: name, service });
  }

  /** Starts a service again, also an sshd that hangs; returns when it listens. Nothing happens when it runs. */
  async startService(name: string, service: AnyService): Promise<void> {
    if (service === "sshd") await this.#mendSshd(name);
    else if (service === "mysql") await this.#database(name).start();
    else this.#webService(name, service).start(service);
    this.#list.remove({ kind: "stop-service", node: name, service });
  }

  /** Sets the status of a web server's /health. */
  setHealth(name: string, status: 200 | 503): void {
    this.#webService(name, "http").health = status;
    if (status === 200) this.#list.remove({ kind: "set-health", node: name });
    else this.#list.add({ kind: "set-health", node: name, status });
  }

  /** Mends everything that is broken, the newest first. */
  async mendAll(): Promise<void> {
    for (const fault of this.#list.all.reverse()) await this.#mend(fault);
  }

  async #mend(fault: ActiveFault): Promise<void> {
    if (fault.kind === "kill-director" || fault.kind === "reboot-director") this.restoreDirector(fault.node);
    else if (fault.kind === "kill-server") this.restoreServer(fault.node);
    else if (fault.kind === "stop-service") await this.startService(fault.node, fault.service);
    else if (fault.kind === "hang-ssh") await this.startService(fault.node, "sshd");
    else if (fault.kind === "impair-network") this.restoreNetwork(fault.node, fault.network);
    else this.setHealth(fault.node, 200);
  }

  async #mendSshd(name: string): Promise<void> {
    const director = this.#director(name);
    const hangs = this.#list.has({ kind: "hang-ssh", node: name });
    if (!hangs && !this.#list.has({ kind: "stop-service", node: name, service: "sshd" })) return;
    await stopSshd(director);
    await startSshd(director);
    this.#list.remove({ kind: "hang-ssh", node: name });
  }

  #announcedNodes(): World["topology"]["directors"] {
    return this.#world.topology.directors.filter((node) => !this.#withdrawn.has(node.name));
  }

  #announce(): void {
    networkOf(this.#world.networks, "router").within(() => announce(this.#announcedNodes()));
  }

  #director(name: string): Director {
    return found(this.#world.directors, name, "a director");
  }

  #server(name: string): RealServer {
    return found(this.#world.servers, name, "a real server");
  }

  #webService(name: string, service: Service): RealServer {
    const server = found(this.#world.servers, name, "a real server");
    if (server.services.includes(service)) return server;
    throw new Error(`${name} has no service ${service}, only: ${Object.keys(server.node.ports).join(", ")}`);
  }

  #database(name: string): NonNullable<World["database"]> {
    if (name === "db1" && this.#world.database) return this.#world.database;
    throw new Error(
      name === "db1" ? "this lab was brought up without a database" : `${name} has no service mysql, db1 has`,
    );
  }
}

function found<T>(all: ReadonlyMap<string, T>, name: string, what: string): T {
  const entry = all.get(name);
  if (entry === undefined) throw new Error(`expected ${what} (${[...all.keys()].join(", ")}), found ${name}`);
  return entry;
}
