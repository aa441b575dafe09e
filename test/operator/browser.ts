/** A real Chromium that looks at an agent's socket, as an operator does through `ssh -L`. */
import * as net from "node:net";
import { type Browser, chromium as driver, type Page } from "playwright-core";
import { chromium } from "../../setup";

/** What a page has asked for, and what its browser complained of. */
export interface Watched {
  readonly page: Page;
  /** Addresses of all requests. */
  readonly requests: string[];
  /** Errors of scripts, refusals of the policy, failed loads. */
  readonly complaints: string[];
}

/** Starts it. Nothing of it goes anywhere but where the page goes. */
export async function startBrowser(settings: readonly string[] = []): Promise<Browser> {
  const { program, env } = await chromium();
  return driver.launch({
    executablePath: program,
    env: { ...process.env, ...env } as Record<string, string>,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      ...settings,
    ],
  });
}

/** A page of its own, watched from its first request on. */
export async function watch(
  browser: Browser,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<Watched> {
  const page = await browser.newPage(options);
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return { page, requests, complaints };
}

/** What `ssh -L PORT:SOCKET` does: a port of this machine that leads to a socket. */
export class Forwarded {
  readonly #sockets = new Set<net.Socket>();

  private constructor(private readonly server: net.Server) {}

  static async to(socket: string): Promise<Forwarded> {
    const server = net.createServer();
    const forwarded = new Forwarded(server);
    server.on("connection", (client) => {
      const agent = net.connect(socket);
      for (const one of [client, agent]) {
        forwarded.#sockets.add(one);
        one.on("error", () => one.destroy()).on("close", () => forwarded.#sockets.delete(one));
      }
      client.pipe(agent).pipe(client);
      client.on("close", () => agent.destroy());
      agent.on("close", () => client.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return forwarded;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `http://localhost:${this.port}/`;
  }

  /** Ends all connections, as a network that breaks does; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.server.close();
    this.cut();
  }
}
