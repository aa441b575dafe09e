/** Breaks things on purpose, and mends them. */
import { portsOf } from "../batches";
import type { World } from "./build";
import { type Director, startSshd } from "./director";
import { execute } from "./exec";
import { ipBatch } from "./ip";
import { announce } from "./nexthops";
import type { RealServer, Service } from "./web";

/** Services that can be stopped and started. */
export const SERVICES = ["http", "tcp", "udp", "mysql", "sshd"] as const;

/** The faults of one world. */
export class Faults {
  readonly #world: World;
  readonly #withdrawn = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Cuts a director off, as if its power were gone. `withdraw`: the router stops sending to it, as BGP would. */
  killDirector(name: string, withdraw: boolean): void {
    this.#setLinks(this.#director(name).node, "down");
    if (withdraw) this.#withdrawn.add(name);
    this.#announce();
  }

  /** Connects a director again and lets the router send to it. Its table is what it was. */
  restoreDirector(name: string): void {
    this.#setLinks(this.#director(name).node, "up");
    this.#withdrawn.delete(name);
    this.#announce();
  }

  /** Cuts a real server off: it is silent. */
  killServer(name: string): void {
    this.#setLinks(this.#server(name).node, "down");
  }

  /** Connects a real server again. */
  restoreServer(name: string): void {
    this.#setLinks(this.#server(name).node, "up");
  }

  /** Stops a service: its port refuses, its connections are reset. */
  async stopService(name: string, service: (typeof SERVICES)[number]): Promise<void> {
    if (service === "sshd") return stopSshd(this.#director(name));
    if (service === "mysql") return this.#database(name).stop();
    this.#webService(name, service).stop(service);
  }

  /** Starts a service again; returns when it listens. Nothing happens when it runs. */
  async startService(name: string, service: (typeof SERVICES)[number]): Promise<void> {
    if (service === "sshd") {
      const director = this.#director(name);
      return (await sshdPid(director)) === undefined ? startSshd(director) : undefined;
    }
    if (service === "mysql") return this.#database(name).start();
    this.#webService(name, service).start(service);
  }

  /** Sets the status of a web server's /health. */
  setHealth(name: string, status: 200 | 503): void {
    this.#webService(name, "http").health = status;
  }

  /** The directors the router sends to. */
  get announced(): string[] {
    return [...this.#world.directors.keys()].filter((name) => !this.#withdrawn.has(name));
  }

  #announce(): void {
    const directors = this.#world.topology.directors.filter((node) => !this.#withdrawn.has(node.name));
    this.#world.networks.get("router")?.within(() => announce(directors));
  }

  #setLinks(node: Parameters<typeof portsOf>[0], state: "up" | "down"): void {
    const lines = portsOf(node).map((port) => `link set ${port} ${state}`);
    this.#world.networks.get("switch")?.within(() => ipBatch(lines));
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

async function sshdPid(director: Director): Promise<string | undefined> {
  const { stdout } = await execute(director.space, {
    node: director.node.name,
    argv: ["cat", "/run/sshd.pid"],
  });
  return stdout.trim() || undefined;
}

/** Ends the listening sshd; sessions go on. */
async function stopSshd(director: Director): Promise<void> {
  const pid = await sshdPid(director);
  if (pid === undefined) return;
  // Inside, because the number means something there only; sshd removes its pid file when it ends.
  const script = 'kill "$0" && while [ -e /run/sshd.pid ]; do sleep 0.02; done';
  const { code, stderr } = await execute(director.space, {
    node: director.node.name,
    argv: ["sh", "-c", script, pid],
  });
  if (code !== 0) throw new Error(`sshd could not be ended: ${stderr}`);
}
