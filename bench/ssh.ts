import { once } from "node:events";
import { Client, type ClientChannel } from "ssh2";
import type { DirectorEntry } from "../lab";

/** A bare SSH session, as a peer of ours has it: a login and commands, and nothing clever. */
export class BareSsh {
  private constructor(private readonly client: Client) {}

  /** Logs in to a director of the lab; the host key is verified. */
  static async login({ host, port, user, privateKey, hostKey }: DirectorEntry): Promise<BareSsh> {
    const client = new Client();
    const ready = once(client, "ready");
    client.connect({
      host,
      port,
      username: user,
      privateKey,
      hostVerifier: (key: Buffer) => key.toString("base64") === hostKey.split(" ")[1],
      readyTimeout: 120_000,
    });
    await ready;
    client.on("error", () => undefined);
    client.setNoDelay(true);
    return new BareSsh(client);
  }

  /** Runs a command line and returns what it printed. Throws when it fails. */
  async run(command: string, input = ""): Promise<string> {
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      this.client.exec(command, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    let [printed, complaints] = ["", ""];
    channel.on("data", (chunk: Buffer) => {
      printed += chunk.toString("utf8");
    });
    channel.stderr.on("data", (chunk: Buffer) => {
      complaints += chunk.toString("utf8");
    });
    let status: number | null = null;
    channel.on("exit", (code: number | null) => {
      status = code;
    });
    const closed = once(channel, "close");
    channel.end(input);
    await closed;
    if (status !== 0) throw new Error(`${command}: status ${String(status)}: ${complaints}`);
    return printed;
  }

  async close(): Promise<void> {
    const closed = once(this.client, "close");
    this.client.end();
    await closed;
  }
}

/** Logs in, reads the table once, logs out: the least that anybody who wants to know a director's state must do. */
export async function readOnce(director: DirectorEntry): Promise<string> {
  const session = await BareSsh.login(director);
  const table = await session.run("ipvsadm --save -n");
  await session.close();
  return table;
}

/** Logs in and out. */
export async function loginOnly(director: DirectorEntry): Promise<void> {
  const session = await BareSsh.login(director);
  await session.close();
}
