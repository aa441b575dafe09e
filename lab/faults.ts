/** Faults of a running lab, as its users inject them. */
import type { ControlClient } from "./control-client";

/** A service of a node whose port can be made to refuse. sshd is a director's, mysql is db1's. */
export type ServiceName = "http" | "tcp" | "udp" | "mysql" | "sshd";

/**
 * Breaks parts of a lab, and mends them. Every method returns when the fault (or its end) is in effect, and throws
 * WorldError when the node or service does not exist. All may be repeated: a dead server stays dead.
 */
export class LabFaults {
  readonly #control: ControlClient;

  constructor(control: ControlClient) {
    this.#control = control;
  }

  /**
   * Cuts a director off all its networks: silent, its kernel state untouched. The router stops sending to it, as BGP
   * would, unless `withdraw` is false: then its share of the flows is lost until it is restored or withdrawn.
   * Its SSH port of 127.0.0.1 still accepts, but stays silent.
   */
  async killDirector(name: string, options: { readonly withdraw?: boolean } = {}): Promise<void> {
    await this.#control.ask("kill-director", { node: name, withdraw: options.withdraw ?? true });
  }

  /** Connects a director again; the router sends to it at once. */
  async restoreDirector(name: string): Promise<void> {
    await this.#control.ask("restore-director", { node: name });
  }

  /** Cuts a real server off: connections to it time out. */
  async killServer(name: string): Promise<void> {
    await this.#control.ask("kill-server", { node: name });
  }

  /** Connects a real server again. */
  async restoreServer(name: string): Promise<void> {
    await this.#control.ask("restore-server", { node: name });
  }

  /** Stops a service: its port refuses, and its open connections are reset (those of sshd and mysql end by themselves). */
  async stopService(name: string, service: ServiceName): Promise<void> {
    await this.#control.ask("stop-service", { node: name, service });
  }

  /** Starts a stopped service and waits until it listens. */
  async startService(name: string, service: ServiceName): Promise<void> {
    await this.#control.ask("start-service", { node: name, service });
  }

  /** Sets what a web server's GET /health answers. */
  async setHealth(name: string, status: 200 | 503): Promise<void> {
    await this.#control.ask("set-health", { node: name, status });
  }
}
