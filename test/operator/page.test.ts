import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { type Member, type PlaneAnswer, putVirtualServer, type Registration } from "../../director";
import type { ServiceTraffic } from "../../ipvs";
import { type HealthCheck, healthCheck } from "../../spec";
import { ask } from "../unit/agent-http";
import { AgentSite, virtualServer } from "../unit/agent-site";
import { LoopbackServer } from "../unit/loopback-server";
import { Forwarded, keepPicture, spilled, startBrowser, watch } from "./browser";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
/** In pixels; between them the narrowest of either way in which a wider page is laid out. */
const [PHONE, DESK] = [360, 1280];
const WIDTHS = [PHONE, 705, 993, DESK];
/** What a check was answered can be words of any length: they have to have room. */
const NARROWEST =
  'Math.min(...[...document.querySelectorAll(".servers td.answer")].map(({ clientWidth }) => clientWidth))';
/** Written by a user, and meant to be read. */
const OWNER = '<img src=x onerror="window.broken=1"> shop/prod';
const KEY = "tcp 192.0.2.1:80";
const CHECK = healthCheck.parse({
  ...{ type: "tcp", intervalMs: 100, timeoutMs: 1_000, rise: 2, fall: 2 },
}) as HealthCheck;

describe("the status page in a browser", () => {
  let browser: Browser;
  let site: AgentSite;
  let forwarded: Forwarded;
  let servers: LoopbackServer[];

  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    site = await AgentSite.up();
    forwarded = await Forwarded.to(site.socket);
    servers = await Promise.all(Array.from({ length: 3 }, () => LoopbackServer.up()));
    await put(1);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    forwarded.close();
    await site.down();
    await Promise.all(servers.map((server) => server.kill()));
  });

  const put = (last: number, settings: object = {}) => {
    const members: Member[] = servers.map(({ member }) => member);
    const address = `192.0.2.${last}`;
    const named = {
      address,
      resource: `web${last}`,
      token: `t${last}`,
      healthCheck: CHECK,
      ...settings,
    } as Partial<Registration>;
    const owner = { id: "me-1", label: OWNER };
    const change = putVirtualServer(owner, `tcp ${address}:80`, virtualServer(members, named), {
      known: false,
    });
    return site.director().change(change);
  };
  const open = async (options: Parameters<typeof watch>[1] = {}) => {
    const watched = await watch(browser, options);
    await watched.page.goto(forwarded.url);
    await watched.page.getByText("live", { exact: true }).waitFor();
    await watched.page.locator(".pool").first().waitFor();
    return watched;
  };
  const rowOf = (page: Page, { port }: LoopbackServer) =>
    page.getByRole("row").filter({ hasText: `127.0.0.1:${port}` });

  /** From now on the kernel has carried more each time it is asked. */
  const carryMore = () => {
    const real = site.kernel.traffic.bind(site.kernel);
    let count = 0;
    site.kernel.traffic = async (): Promise<readonly ServiceTraffic[]> => {
      count += 500;
      return (await real()).map((one) => ({ ...one, connections: count }));
    };
  };

  it("shows a server that dies, and comes back, without being loaded again", async () => {
    const [dying] = servers as [LoopbackServer];
    const { page, complaints } = await open();
    await page.evaluate("window.loadedOnce = true");
    await rowOf(page, dying).getByText("up", { exact: true }).waitFor();
    await dying.kill();
    await rowOf(page, dying).getByText("down", { exact: true }).waitFor();
    await rowOf(page, dying).getByText("0 of 3", { exact: true }).waitFor();
    await rowOf(page, dying).getByText("ECONNREFUSED").waitFor();
    await page.getByRole("heading", { name: "Look at this" }).waitFor();
    assert.match(
      (await page.locator("#problem-list").textContent()) ?? "",
      new RegExp(`127.0.0.1:${dying.port} in ${KEY}`),
    );
    await page.locator("#events .what").getByText("down").waitFor();
    const said = page.locator("#said");
    assert.equal(await said.getAttribute("aria-live"), "polite");
    assert.match((await said.textContent()) ?? "", new RegExp(`^down: 127.0.0.1:${dying.port}`));
    assert.match(
      (await rowOf(page, dying).getByRole("img").getAttribute("aria-label")) ?? "",
      /checks: \d+ passed, \d+ failed/,
    );
    await dying.revive();
    await rowOf(page, dying).getByText("up", { exact: true }).waitFor();
    await page.locator("#problems").waitFor({ state: "hidden" });
    await page.locator("#events .what").getByText("up", { exact: true }).waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    await keepPicture(page, "events-360");
    assert.deepEqual(await spilled(page), []);
    assert.equal(await page.evaluate("window.loadedOnce"), true);
    assert.deepEqual(complaints, []);
  });

  it("asks nobody but the agent, and runs nothing that is not its own", async () => {
    const { page, requests, complaints } = await open();
    for (const url of requests) assert.equal(new URL(url).origin, new URL(forwarded.url).origin, url);
    assert.deepEqual(complaints, []);
    assert.ok(await page.getByText(OWNER, { exact: false }).first().isVisible(), "names are text");
    assert.equal(await page.evaluate("window.broken"), undefined);
    const injected = `const one = document.createElement("script"); one.textContent = "window.broken = 2"; document.body.append(one); window.broken`;
    assert.equal(await page.evaluate(injected), undefined);
    assert.match(complaints.join(), /Content Security Policy/);
    const { headers } = await ask(site.socket, "/");
    assert.match(
      String(headers["content-security-policy"]),
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-/,
    );
    assert.doesNotMatch(String(headers["content-security-policy"]), /unsafe/);
  });

  it("lets browsers look and change nothing, whatever page is open in them", async () => {
    const { page } = await open();
    const status = await page.evaluate(
      `fetch("v1/drains?server=127.0.0.1:${servers[0]?.port}", { method: "POST" }).then((one) => one.status)`,
    );
    assert.equal(status, 403);
    const other = http.createServer((_, response) =>
      response.setHeader("content-type", "text/html").end("<title>other</title>"),
    );
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      const foreign = await watch(browser);
      await foreign.page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
      const drain = JSON.stringify(`${forwarded.url}v1/drains?server=127.0.0.1:${servers[0]?.port}`);
      await foreign.page.evaluate(`fetch(${drain}, { method: "POST", mode: "no-cors" }).catch(() => {})`);
      assert.deepEqual(site.keeper.view.pools.drains.all, []);
    } finally {
      other.close();
    }
  });

  it("tells nothing to a page that makes its own name mean the forwarded socket", async () => {
    const rebound = await startBrowser(["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
    // What a browser has got under the name before it was turned round to mean the forwarded socket.
    const front = http.createServer((asked, answered) => {
      if (asked.url === "/evil") {
        answered.setHeader("content-type", "text/html").end("<title>evil</title>");
        return;
      }
      const { url, method, headers } = asked;
      asked.pipe(
        http.request({ socketPath: site.socket, path: url, method, headers }, (got) => {
          answered.writeHead(got.statusCode ?? 500, got.headers);
          got.pipe(answered);
        }),
      );
    });
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    const { port } = front.address() as AddressInfo;
    const statuses = async (name: string) => {
      const { page } = await watch(rebound);
      await page.goto(`http://${name}:${port}/evil`);
      const asking =
        '["/v1/status", "/metrics", "/v1/virtual-servers", "/v1/state"].map((path) => fetch(path))';
      return page.evaluate(`Promise.all(${asking}).then((all) => all.map(({ status }) => status))`);
    };
    try {
      assert.deepEqual(await statuses("localhost"), [200, 200, 200, 400]);
      assert.deepEqual(await statuses("evil.example"), [403, 403, 403, 403]);
    } finally {
      await rebound.close();
      front.close();
      front.closeAllConnections();
    }
  });

  it("shows what is carried", async () => {
    carryMore();
    const { page } = await open();
    const rate = page.locator(".pool .rate").first();
    await rate.getByText(/^[1-9]\d* new\/s$/).waitFor();
    await page.getByRole("img", { name: /^new connections per second: now [1-9]/ }).waitFor();
  });

  it("says when it is not live any more, and is again by itself", async () => {
    const { page } = await open();
    await page.evaluate("window.loadedOnce = true");
    await site.stop();
    forwarded.cut();
    await page.getByText(/^not live, as of \d/).waitFor();
    await site.start();
    await page.getByText("live", { exact: true }).waitFor({ timeout: 60_000 });
    assert.equal(await page.evaluate("window.loadedOnce"), true);
  });

  it("is live again too where it was turned away, as by an agent that is starting", async () => {
    const { page } = await open();
    await site.stop();
    let refusals = 0;
    const starting = http.createServer((_, response) => {
      refusals++;
      response.writeHead(503, { "content-type": "application/problem+json" }).end("{}");
    });
    starting.listen(site.socket);
    forwarded.cut();
    await page.getByText(/^not live, as of \d/).waitFor();
    const turnedAway = (response: { url(): string; status(): number }) =>
      response.url().endsWith("/v1/events") && response.status() === 503;
    await page.waitForResponse(turnedAway, { timeout: 60_000 });
    assert.ok(refusals > 0);
    starting.close();
    starting.closeAllConnections();
    await site.start();
    await page.getByText("live", { exact: true }).waitFor({ timeout: 60_000 });
  });

  it("shows the directors that share with this one, and which of them is behind", async () => {
    const word = (director: string, revision: number) => ({
      ...{ director, version: "0.1.0", revision, down: 1, lost: 0, troubles: [] },
      digests: { registry: "1", table: "2" },
    });
    const directors = [word("lb2", 6), word("lb1", 7)];
    const answer: PlaneAnswer = {
      ...{ store: "etcd", endpoints: [], prefix: "/heye/", state: "lost", since: 0, revision: 7 },
      ...{ reason: "no member answers", conflicts: [], directors },
    };
    site.sight.watch(site.keeper, { answer, told: async () => answer });
    const { page } = await open({ viewport: { width: 360, height: 740 } });
    const rows = page.getByRole("table", { name: "Directors" }).getByRole("row");
    assert.match((await rows.nth(1).textContent()) ?? "", /current.*lb1.*7/);
    assert.match((await rows.nth(2).textContent()) ?? "", /old.*lb2.*6/);
    await page.getByText("no member answers").waitFor();
    assert.equal((await ask(site.socket, "/readyz")).status, 200, "and it is no reason to leave it out");
    assert.ok(Number(await page.evaluate("document.documentElement.scrollWidth")) <= 360);
    await keepPicture(page, "directors-360");
    assert.deepEqual(await spilled(page), []);
    await page.evaluate(AXE);
    const { violations } = (await page.evaluate("axe.run(document)")) as { violations: object[] };
    assert.deepEqual(violations, []);
  });

  it("is worked with the keyboard alone", async () => {
    for (let last = 2; last <= 12; last++) await put(last);
    const { page } = await open();
    assert.equal(await page.locator(".pool").count(), 12);
    assert.equal(await page.locator(".pool[open]").count(), 0, "many are closed until somebody opens them");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "To the virtual servers");
    assert.ok(await page.locator(".skip").isVisible());
    await page.getByRole("searchbox").focus();
    await page.keyboard.type("192.0.2.11");
    await page.getByText("1 of 12").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator(".pool[open]").waitFor();
    const rows = page.getByRole("table", { name: "servers of tcp 192.0.2.11:80" }).getByRole("row");
    await rows.nth(3).waitFor();
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
    assert.equal(outline, "solid", "where the focus is can be seen");
  });

  it("fits on a phone, keeps clear of what shuts people out, and is light or dark as its reader wants", async () => {
    const sorryServer = {
      address: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
      port: 65_535,
      forwarding: "tun",
    } as const;
    await put(2, { sorryServer, scheduler: "mh", schedulerFlags: ["mh-port"] });
    await servers[0]?.kill();
    carryMore();
    const grounds = new Set<unknown>();
    const look = async (colorScheme: "light" | "dark", width: number) => {
      const { page } = await open({ colorScheme, viewport: { width, height: 740 } });
      await page.getByRole("heading", { name: "Look at this" }).waitFor();
      await page.locator(".pool .rate").first().getByText(/new/).waitFor();
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(wide) <= width, `${wide} pixels on ${width}`);
      await keepPicture(page, `${colorScheme}-${width}`);
      assert.deepEqual(await spilled(page), [], `${colorScheme} ${width}`);
      assert.ok(Number(await page.evaluate(NARROWEST)) >= 100, `answers at ${width}`);
      grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      // Through the debugger, past the page's own policy.
      await page.evaluate(AXE);
      const found = (await page.evaluate("axe.run(document)")) as {
        violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
      };
      const told = found.violations.map(
        ({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`,
      );
      assert.deepEqual(told, [], `${colorScheme} ${width}`);
      await page.close();
    };
    for (const width of WIDTHS) await look("light", width);
    for (const width of [PHONE, DESK]) await look("dark", width);
    assert.equal(grounds.size, 2);
  });
});
