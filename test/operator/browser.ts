/** A real Chromium that looks at an agent's socket, as an operator does through `ssh -L`. */
import { mkdir } from "node:fs/promises";
import * as net from "node:net";
import { join } from "node:path";
import { type Browser, chromium as driver, type Page } from "playwright-core";
import { chromium } from "../../setup";
import { RUNTIME_FOLDER } from "../../setup/project";

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

/** Pictures of the last run, for people to look at. */
const PICTURES = join(RUNTIME_FOLDER, "screenshots");

/** Keeps a picture of a whole page, however long it is: `.heye/screenshots/NAME.png`. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

/** Elements that reach over the page's edge, or whose words do not fit into them. Those for screen readers alone are left out. */
const SPILLED = `[...document.body.querySelectorAll("*")].flatMap((one) => {
  if (one.closest(".unseen, .skip, script, svg") || getComputedStyle(one.closest("thead") ?? one).clipPath !== "none") return [];
  const { left, right, width } = one.getBoundingClientRect();
  const isOver = width > 0 && (left < -0.5 || right > innerWidth + 0.5);
  // Of what is in a line with others the browser tells no width of its own.
  const isTight = one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1 && !one.matches("input");
  return isOver || isTight ? [one.outerHTML.slice(0, 200)] : [];
})`;

/** What of a page does not fit: as it is shown now, in its width. */
export async function spilled(page: Page): Promise<string[]> {
  return (await page.evaluate(SPILLED)) as string[];
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
