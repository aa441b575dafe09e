/**
 * Stands in for the plugin of @pulumi/command, which is fetched from Pulumi's host: runs `create` of a remote.Command over
 * SSH, with `stdin`. Nothing of a director is made up.
 */
import { main, type Provider } from "@pulumi/pulumi/provider";
import { Client } from "ssh2";

/** Pulumi's mark of a secret, and where its value is. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

interface Inputs {
  readonly connection: Readonly<Record<"host" | "user" | "privateKey", string>> & { readonly port?: number };
  readonly create: string;
  readonly stdin?: string;
}

const plugin: Provider = {
  version: "1.2.1",
  check: async (_urn, _olds, inputs) => ({ inputs }),
  diff: async (_id, _urn, olds, news) => ({
    changes: JSON.stringify(olds.triggers) !== JSON.stringify(news.triggers),
  }),
  create: async (urn, inputs) => {
    const stdout = await runOver(plain(inputs) as Inputs);
    return { id: urn, outs: { ...inputs, stdout } };
  },
  delete: async () => undefined,
};

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (SIGNATURE in value) return plain((value as { value?: unknown }).value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

async function runOver({ connection, create, stdin = "" }: Inputs): Promise<string> {
  const { host, port = 22, user, privateKey } = connection;
  const client = new Client();
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("ready", () => resolve()).once("error", reject);
      client.connect({ host, port, username: user, privateKey });
    });
    return await execute(client, create, stdin);
  } finally {
    client.end();
  }
}

function execute(client: Client, command: string, stdin: string): Promise<string> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, stream) => {
      if (error) return reject(error);
      let [stdout, stderr] = ["", ""];
      stream.on("data", (chunk: Buffer) => {
        stdout += chunk;
      });
      stream.stderr.on("data", (chunk: Buffer) => {
        stderr += chunk;
      });
      stream.on("close", (code: number) =>
        code === 0 ? resolve(stdout) : reject(new Error(`status ${code}: ${stderr}`)),
      );
      stream.end(stdin);
    });
  });
}

void main(plugin, process.argv.slice(2));
