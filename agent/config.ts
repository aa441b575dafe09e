import * as z from "zod";
import { type AgentConfig, configDigest } from "../director/data";
import { readIfThere } from "./durable";
import { parseJson } from "./json";

const text = z.string().min(1);

const etcd = z.strictObject({
  endpoints: z.array(text).min(1),
  tls: z
    .strictObject({ ca: text.exactOptional(), cert: text.exactOptional(), key: text.exactOptional() })
    .exactOptional(),
  auth: z.strictObject({ user: text, password: text }).exactOptional(),
  prefix: text.startsWith("/"),
});

const names = z.array(text).exactOptional();
const api = z.strictObject({
  listen: text,
  tls: z.strictObject({ ca: text, cert: text, key: text }),
  readOnly: names,
  readWrite: names,
});

/** Schema of agent.json, as the provider's installer writes it. */
const config: z.ZodType<AgentConfig> = z.strictObject({
  director: text,
  etcd: etcd.exactOptional(),
  api: api.exactOptional(),
});

/** What an agent was told in its file. */
export interface Told {
  /** Absent: nothing; it has no such file. */
  readonly config?: AgentConfig;
  /** See `configDigest`. */
  readonly digest: string;
}

/** The agent's configuration is there and cannot be used. What stands in it is not shown: it holds secrets. */
export class ConfigError extends Error {
  constructor(file: string, reason: string) {
    super(
      `${file} cannot be used (${reason}). The provider writes it: run \`pulumi up\`, or remove the file to run without it.`,
    );
    this.name = "ConfigError";
  }
}

/** Reads an agent's configuration. Throws ConfigError. */
export async function readConfig(file: string): Promise<Told> {
  const content = (await readIfThere(file)) ?? "";
  const digest = configDigest(content);
  if (content === "") return { digest };
  const result = config.safeParse(parseJson(content));
  if (result.success) return { config: result.data, digest };
  const places = result.error.issues.map(({ path, code }) => `${path.join(".") || "the whole"}: ${code}`);
  throw new ConfigError(file, places.join("; "));
}
