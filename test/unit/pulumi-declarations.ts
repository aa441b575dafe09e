import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";

/** What a program asked the engine for, as the engine is told of it. */
export interface Request {
  readonly type: string;
  readonly name: string;
  readonly provider: string;
  readonly parent: string;
  readonly dependencies: readonly string[];
  readonly protect: boolean;
  readonly aliases: readonly unknown[];
}

// biome-ignore lint/suspicious/noExplicitAny: inputs of any resource, which the tests look into
type Inputs = any;

/** A resource that a program declared, by its inputs. */
export interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: Inputs;
}

/** The part of a request of Pulumi's protocol that is looked at. */
const message = z.object({
  type: z.string(),
  name: z.string(),
  provider: z.string(),
  parent: z.string(),
  dependenciesList: z.array(z.string()),
  protect: z.boolean().optional(),
  aliasesList: z.array(z.unknown()),
});

/** What a program declares, run without an engine by Pulumi's mocks; Kubernetes' names and addresses are made up. */
export class Declarations {
  readonly #made: Made[] = [];
  readonly #requests: Request[] = [];
  readonly #faults: unknown[] = [];

  /** Starts anew: what is declared from now on is recorded. */
  static begin(): Declarations {
    const declarations = new Declarations();
    void pulumi.runtime.setMocks({
      newResource: ({ type, name, inputs }) => {
        declarations.#made.push({ type, name, inputs });
        return { id: name, state: withDefaults(type, name, inputs) };
      },
      call: ({ inputs }) => inputs,
    });
    declarations.#listen();
    return declarations;
  }

  /** Waits until everything has been declared. Throws what the program threw meanwhile. */
  async settled(): Promise<void> {
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (error) => this.#faults.push(error));
    try {
      await pulumi.runtime.disconnect(false);
      // A rejection is told after the turn in which it happened.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const other of others) process.on("unhandledRejection", other);
    }
    if (this.#faults.length > 0) throw this.#faults[0];
  }

  /** All that was declared, providers left out. */
  all(): readonly Made[] {
    return this.#made.filter(({ type }) => !type.startsWith("pulumi:providers:"));
  }

  types(): string[] {
    return this.all().map(({ type }) => type);
  }

  /** What the one resource of a type was declared with; of several, that of a name. */
  inputs(type: string, name?: string): Inputs {
    const found = this.#made.find((one) => one.type === type && (name === undefined || one.name === name));
    if (!found) throw new Error(`expected a ${type} to be declared, found ${this.types().join(", ")}`);
    return withoutSecrets(found.inputs);
  }

  /** Whether a property that the one resource of a type was declared with is secret. */
  isSecret(type: string, property: string): boolean {
    const found = this.#made.find((one) => one.type === type);
    return found?.inputs[property]?.[SIGNATURE] === SECRET;
  }

  request(type: string, name?: string): Request {
    const found = this.#requests.find(
      (one) => one.type === type && (name === undefined || one.name === name),
    );
    if (!found) throw new Error(`expected a request for a ${type}`);
    return found;
  }

  async valueOf<T>(output: pulumi.Output<T>): Promise<T> {
    return new Promise((resolve) => output.apply(resolve));
  }

  #listen(): void {
    const monitor = pulumi.runtime.getMonitor() as unknown as {
      registerResource(request: { toObject(): unknown }, done: unknown): unknown;
    };
    const original = monitor.registerResource.bind(monitor);
    monitor.registerResource = (request, done) => {
      const { dependenciesList, aliasesList, protect, ...rest } = message.parse(request.toObject());
      const told = { dependencies: dependenciesList, aliases: aliasesList, protect: protect === true };
      this.#requests.push({ ...rest, ...told });
      return original(request, done);
    };
  }
}

/** How Pulumi's protocol marks a secret. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

function withoutSecrets(value: Inputs): Inputs {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  if (value[SIGNATURE] === SECRET) return withoutSecrets(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one)]));
}

/** What a cluster fills in. */
function withDefaults(type: string, name: string, inputs: Inputs): Inputs {
  if (!type.startsWith("kubernetes:")) return inputs;
  const metadata = { name, ...inputs.metadata };
  return type.endsWith(":Service")
    ? { ...inputs, metadata, spec: { clusterIP: "10.96.0.10", ...inputs.spec } }
    : { ...inputs, metadata };
}
