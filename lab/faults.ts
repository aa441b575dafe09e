/** Faults of a running lab, as its users inject them. */
import type { ControlClient } from "./control-client";
import { type Impairment, type Network, wholeImpairment } from "./impairment";
import type { HangStage } from "./world/sshd";

/** A service of a node whose port can be made to refuse. sshd is a director's, mysql is db1's. */
export type ServiceName = "http" | "tcp" | "udp" | "mysql" | "sshd";

/**
 * Breaks parts of a lab, and mends them. Every method returns when the fault (or its end) is in effect, and throws
 * WorldError when the node or service does not exist. All may be repeated: a dead server stays dead. `Lab.status` lists
 * the faults that are on.
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

  /**
   * Reboots a director and returns when it can be logged in to again, with the same host key. Gone are its IPVS table and
   * connections, the sysctls of its network, its processes and sessions, /run and /tmp; all other files stay. The lab
   * sets up what its network needs (addresses, routes, forwarding), then the enabled units that are called
   * `heye-*.service` are run: see lab/world/director.sh. The router sends to it again afterwards, table or not, unless
   * `announce` is false: then `restoreDirector` lets it. Mends `killDirector`, `hangSsh` and a stopped sshd.
   */
  async rebootDirector(name: string, options: { readonly announce?: boolean } = {}): Promise<void> {
    await this.#control.ask("reboot-director", { node: name, announce: options.announce ?? true });
  }

  /**
   * Makes the link of a node to one network slow or lossy, in both directions (a round trip meets the delay twice), in
   * place of what was wrong with it before. Directors are on `management` (SSH), `front` (to the router) and `back` (to
   * servers), servers on `back`, the router on `front` and `back`, the client on `client`. Other nodes' links stay good.
   * Throws LabInputError for figures out of bounds.
   */
  async impairNetwork(name: string, options: Impairment & { readonly network: Network }): Promise<void> {
    await this.#control.ask("impair-network", {
      node: name,
      network: options.network,
      ...wholeImpairment(options),
    });
  }

  /** Makes the link of a node to one network good again; without a network those to all of its networks. */
  async restoreNetwork(name: string, network?: Network): Promise<void> {
    await this.#control.ask("restore-network", { node: name, ...(network && { network }) });
  }

  /**
   * Makes a director's sshd hang. At the stage `banner` (the default) its port accepts connections and never says a word;
   * at the stage `command` a login succeeds, and the commands of that session neither answer nor end. Sessions that are
   * open go on.
   */
  async hangSsh(name: string, options: { readonly stage?: HangStage } = {}): Promise<void> {
    await this.#control.ask("hang-ssh", { node: name, stage: options.stage ?? "banner" });
  }

  /** Mends a director's sshd, hanging or stopped. Sessions that hang go on hanging. */
  async restoreSsh(name: string): Promise<void> {
    await this.startService(name, "sshd");
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

  /** Mends every fault that is on, the newest first. What a reboot took away does not come back. */
  async mendAll(): Promise<void> {
    await this.#control.ask("mend-all");
  }

  /** Sets what a web server's GET /health answers. */
  async setHealth(name: string, status: 200 | 503): Promise<void> {
    await this.#control.ask("set-health", { node: name, status });
  }
}
