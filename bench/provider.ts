import type { DirectorEntry } from "../lab";
import { ProviderProcess } from "../test/provider/process";
import { type PlannedService, servicesOf } from "./plan";
import { timed } from "./rounds";
import { type Usage, UsageWatch } from "./usage";

/** What a call to the provider process took. */
export interface Call {
  /** Seconds. */
  readonly s: number;
  /** What the provider process used for it; the memory since its start. */
  readonly usage: Usage;
}

type Json = Record<string, unknown>;

/** A virtual server that the provider process has made. */
export interface MadeService {
  readonly id: string;
  readonly inputs: Json;
  readonly state: Json;
}

/**
 * The provider process as Pulumi's engine starts it, without the engine: what is measured is ours alone. It has
 * loaded our code, but not logged in anywhere, before a measurement begins; the engine's calls of `check` see to that
 * in a real run as well.
 */
export class BenchProvider {
  private constructor(
    private readonly process: ProviderProcess,
    private readonly cluster: Json,
  ) {}

  /**
   * @param dialTimeoutS seconds for each dial; without limit by default, because many logins at once take long in a lab
   */
  static async start(directors: readonly DirectorEntry[], dialTimeoutS = 0): Promise<BenchProvider> {
    const limits = { dialErrorLimit: 1, perDialTimeout: dialTimeoutS };
    const connected = directors.map(({ name, host, port, user, privateKey, hostKey }) => ({
      name,
      connection: { host, port, user, privateKey, hostKey, ...limits },
    }));
    const cluster = {
      id: "bench-1",
      label: "bench Cluster bench",
      directors: connected,
      // One that is given up is what such a bench is about; otherwise its reason is to be told.
      unreachable: dialTimeoutS > 0 ? "skip" : "fail",
    };
    const provider = new BenchProvider(await ProviderProcess.start(), cluster);
    await provider.inputsOf({ name: "warm", address: "10.200.255.255", port: 80, members: [] });
    return provider;
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  /** What `check` makes of a virtual server of a plan. */
  async inputsOf({ name, address, port, members }: PlannedService, firstWeight = 1): Promise<Json> {
    const realServers = members.map((member, index) => ({
      address: member.address,
      port: member.port,
      weight: index === 0 ? firstWeight : 1,
    }));
    const properties = { name, cluster: this.cluster, address, port, protocol: "tcp", scheduler: "wrr" };
    const { inputs, failures } = await this.process.check("VirtualServer", {
      ...properties,
      healthCheck: { type: "none" },
      realServers,
    });
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    return inputs;
  }

  /** Creates virtual servers, all at once. */
  async create(inputs: readonly Json[]): Promise<Call & { readonly made: MadeService[] }> {
    const { value, ...call } = await measured(() =>
      Promise.all(inputs.map((one) => this.process.create("VirtualServer", one))),
    );
    const made = value.map(({ id, properties }, index) => ({
      id,
      state: properties,
      inputs: inputs[index] ?? {},
    }));
    return { ...call, made };
  }

  /** Updates a virtual server. */
  async update({ id, state }: MadeService, inputs: Json): Promise<Call & { readonly state: Json }> {
    const { value, ...call } = await measured(() => this.process.update("VirtualServer", id, state, inputs));
    return { ...call, state: value };
  }
}

/** Creates all virtual servers of a plan in a provider process of their own. */
export async function createAll(
  directors: readonly DirectorEntry[],
  plan: { readonly virtualServers: number; readonly servers: number },
): Promise<Call> {
  const provider = await BenchProvider.start(directors);
  try {
    const inputs = await Promise.all(servicesOf(plan).map((service) => provider.inputsOf(service)));
    return await provider.create(inputs);
  } finally {
    await provider.stop();
  }
}

async function measured<T>(work: () => Promise<T>): Promise<Call & { readonly value: T }> {
  const watch = new UsageWatch();
  try {
    const { s, value } = await timed(work);
    return { s, value, usage: watch.stop().provider };
  } finally {
    watch.stop();
  }
}
