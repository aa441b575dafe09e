import { Fleet, handlerFor, type ResourceKind } from "../provider";
import { agentProgram } from "../provider/agents";
import { BenchError } from "./bench";
import { checkOf } from "./checked";
import { KEPT, KEPT_PACE, type Keeping, type PoolServer } from "./keeping";
import type { BenchSite } from "./site";

/** What ends the drain of a server that still has connections; none of the load's lasts so long. */
const DRAIN_MS = 2_000;

type Json = Record<string, unknown>;

/** The agent as a cluster installs it, changed by the provider's handlers as `pulumi up` calls them. */
export class AgentKeeping implements Keeping {
  #fleet = new Fleet();
  #cluster: Made | undefined;
  #service: Made | undefined;

  constructor(private readonly site: BenchSite) {}

  async start(pool: readonly PoolServer[]): Promise<void> {
    this.#fleet = new Fleet();
    this.#cluster = await this.#create("Cluster", this.#declared());
    this.#service = await this.#create("VirtualServer", this.#virtualServer(pool));
  }

  async replace(pool: readonly PoolServer[]): Promise<void> {
    const { id, state } = expected(this.#service);
    const inputs = this.#checked("VirtualServer", this.#virtualServer(pool));
    this.#service = { id, state: await handlerFor("VirtualServer", this.#fleet).update(id, state, inputs) };
  }

  async restart(): Promise<void> {
    const script = `old=$(pgrep -f "[h]eye-agent.js run"); kill $old
while kill -0 $old 2>/dev/null; do sleep 0.1; done
until [ -s /run/heye/agent.ready ]; do sleep 0.1; done`;
    const { code, stderr } = await this.site.lab.exec("d1", ["sh", "-c", script]);
    if (code !== 0) throw new BenchError(`restarting the agent: ${stderr}`);
  }

  async end(): Promise<void> {
    if (this.#service)
      await handlerFor("VirtualServer", this.#fleet).delete(this.#service.id, this.#service.state);
    if (this.#cluster) await handlerFor("Cluster", this.#fleet).delete(this.#cluster.id, this.#cluster.state);
    await this.#fleet.close();
  }

  async #create(kind: ResourceKind, properties: Json): Promise<Made> {
    const { id, outputs } = await handlerFor(kind, this.#fleet).create(this.#checked(kind, properties));
    return { id, state: outputs };
  }

  /** Inputs as `check` leaves them. */
  #checked(kind: ResourceKind, properties: Json): Json {
    const { inputs, problems } = handlerFor(kind, this.#fleet).check(properties);
    if (problems.length > 0) throw new BenchError(JSON.stringify(problems));
    return JSON.parse(JSON.stringify(inputs)) as Json;
  }

  #declared(): Json {
    const connections = this.site.directors.map(({ name, host, port, user, privateKey, hostKey }) => ({
      name,
      connection: { host, port, user, privateKey, hostKey, dialErrorLimit: 1 },
    }));
    return { name: "bench", label: "bench Cluster bench", directors: connections, mode: "agent" };
  }

  #virtualServer(pool: readonly PoolServer[]): Json {
    const { id } = expected(this.#cluster);
    return {
      ...KEPT,
      cluster: { ...this.#declared(), id, agent: agentProgram().version },
      scheduler: "wrr",
      healthCheck: checkOf(KEPT_PACE),
      realServers: pool.map((server) => ({ ...server, drainMs: DRAIN_MS })),
    };
  }
}

interface Made {
  readonly id: string;
  readonly state: Json;
}

function expected(made: Made | undefined): Made {
  if (!made) throw new BenchError("what is to be changed has not been made");
  return made;
}
