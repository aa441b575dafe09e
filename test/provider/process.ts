import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import * as grpc from "@grpc/grpc-js";
import type { ResourceKind } from "../../provider";
import { providerStub } from "../../sdk/stub";

// Pulumi ships these generated modules without types.
const { ResourceProviderClient } = require("@pulumi/pulumi/proto/provider_grpc_pb");
const messages = require("@pulumi/pulumi/proto/provider_pb");
const statuses = require("@pulumi/pulumi/proto/status_pb");
const struct = require("google-protobuf/google/protobuf/struct_pb");

type Json = Record<string, unknown>;

/** What the process said when it refused. */
export interface Refusal {
  readonly message: string;
  /** Present when the resource exists all the same. */
  readonly initialisation?: { readonly id: string; readonly properties: Json; readonly reasons: string[] };
}

/** The provider process that Pulumi's engine would start, spoken to over gRPC as the engine does. */
export class ProviderProcess {
  /** Everything it has printed. */
  output = "";

  private constructor(
    private readonly child: ChildProcess,
    // biome-ignore lint/suspicious/noExplicitAny: generated client without types; every answer is converted below.
    private readonly client: any,
  ) {}

  /** Starts it in this project's root, where the constant text in each resource finds the package. */
  static async start(): Promise<ProviderProcess> {
    const program = require.resolve("@pulumi/pulumi/cmd/dynamic-provider");
    return ProviderProcess.#started([program, "127.0.0.1:1"]);
  }

  /** Starts it as the child of a process of its own, which stands for the engine: stopping that is killing the engine. */
  static async startBelow(): Promise<ProviderProcess> {
    const program = require.resolve("@pulumi/pulumi/cmd/dynamic-provider");
    const engine =
      'require("node:child_process").spawn(process.execPath, [process.argv[1], "127.0.0.1:1"], { stdio: "inherit" })';
    return ProviderProcess.#started(["-e", engine, program]);
  }

  static async #started(argv: string[]): Promise<ProviderProcess> {
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
    const lines = createInterface({ input: child.stdout });
    const [port] = (await once(lines, "line")) as [string];
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    const started = new ProviderProcess(child, client);
    child.stderr.on("data", (chunk) => {
      started.output += String(chunk);
    });
    lines.on("line", (line) => {
      started.output += `${line}\n`;
    });
    await started.#call("configure", new messages.ConfigureRequest().setArgs(structOf({})));
    return started;
  }

  /** Kills the process that was started, and waits until nothing holds its output open any more. */
  async kill(): Promise<void> {
    const closed = once(this.child, "close");
    this.child.kill("SIGKILL");
    await closed;
    this.client.close();
  }

  async stop(): Promise<void> {
    this.client.close();
    const ended = once(this.child, "exit");
    this.child.kill();
    await ended;
  }

  async check(
    kind: ResourceKind,
    news: Json,
  ): Promise<{ inputs: Json; failures: { property: string; reason: string }[] }> {
    const request = new messages.CheckRequest().setOlds(structOf({})).setNews(structOf(withStub(kind, news)));
    const response = await this.#call("check", request);
    return { inputs: plain(response.getInputs()), failures: response.toObject().failuresList };
  }

  async diff(
    kind: ResourceKind,
    id: string,
    olds: Json,
    news: Json,
  ): Promise<{ changes: "none" | "some"; replaces: string[] }> {
    const request = new messages.DiffRequest()
      .setId(id)
      .setOlds(structOf(withStub(kind, olds)))
      .setNews(structOf(withStub(kind, news)));
    const { changes, replacesList } = (await this.#call("diff", request)).toObject();
    return {
      changes: changes === messages.DiffResponse.DiffChanges.DIFF_NONE ? "none" : "some",
      replaces: replacesList,
    };
  }

  async create(kind: ResourceKind, inputs: Json): Promise<{ id: string; properties: Json }> {
    const response = await this.#call(
      "create",
      new messages.CreateRequest().setProperties(structOf(withStub(kind, inputs))),
    );
    return { id: response.getId(), properties: plain(response.getProperties()) };
  }

  async read(
    kind: ResourceKind,
    id: string,
    state: Json,
  ): Promise<{ id: string; properties: Json; inputs: Json }> {
    const request = new messages.ReadRequest().setId(id).setProperties(structOf(withStub(kind, state)));
    const response = await this.#call("read", request);
    const inputs = response.getInputs();
    return {
      id: response.getId(),
      properties: plain(response.getProperties()),
      inputs: inputs ? plain(inputs) : {},
    };
  }

  async update(kind: ResourceKind, id: string, olds: Json, news: Json): Promise<Json> {
    const request = new messages.UpdateRequest()
      .setId(id)
      .setOlds(structOf(withStub(kind, olds)))
      .setNews(structOf(withStub(kind, news)));
    return plain((await this.#call("update", request)).getProperties());
  }

  async delete(kind: ResourceKind, id: string, state: Json): Promise<void> {
    const request = new messages.DeleteRequest().setId(id).setProperties(structOf(withStub(kind, state)));
    await this.#call("delete", request);
  }

  // biome-ignore lint/suspicious/noExplicitAny: see above.
  async #call(method: string, request: unknown): Promise<any> {
    try {
      return await promisify(this.client[method]).call(this.client, request);
    } catch (error) {
      throw refusal(error as grpc.ServiceError);
    }
  }
}

function withStub(kind: ResourceKind, properties: Json): Json {
  return { ...properties, __provider: providerStub(kind) };
}

function structOf(value: Json): unknown {
  return struct.Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));
}

function plain(value: { toJavaScript(): Json }): Json {
  return value.toJavaScript();
}

function refusal(error: grpc.ServiceError): Refusal {
  const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(details instanceof Buffer)) return { message: error.details };
  const [packed] = statuses.Status.deserializeBinary(details).getDetailsList();
  const failed = messages.ErrorResourceInitFailed.deserializeBinary(packed.getValue_asU8());
  return {
    message: error.details,
    initialisation: {
      id: failed.getId(),
      properties: plain(failed.getProperties()),
      reasons: failed.getReasonsList(),
    },
  };
}
