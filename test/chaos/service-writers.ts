/** Several who change one and the same virtual server at the same time, each by what it has read, while directors keep it in files. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import type { ChaosCluster } from "./cluster";

const AGENT = "/var/lib/heye/agent/heye-agent";
const SERVICE = "192.0.2.110";
const WRITERS = 3;
/** How many changes each of them wants to make. */
const CHANGES = 8;
/** A disk that is full, or an agent that is being started again, refuses for a while. */
const PAUSE_MS = 150;
const REMOVALS = 20;

const counted = z.object({ accepted: z.int(), unknown: z.int(), overtaken: z.int() });
/** What became of changes: accepted; answered by nothing that tells; refused because somebody else was first. */
export type Counted = z.output<typeof counted>;

/** Each adds 1 to the weight that it reads, and says which version it has read: a change that is lost makes the sum too small. */
const WRITE = `
const [address, server, writers, changes, pauseMs] = process.argv.slice(1);
const realServers = [{ address: server, weight: 1, forwarding: "dr" }];
const service = { address, port: 80, scheduler: "wrr", healthCheck: { type: "none" }, realServers };
const place = "/v1/virtual-servers/tcp-" + address + "-80/real-servers/" + server + "-80/weight";
const ask = (method, path, value, tag) => new Promise((resolve) => {
  const body = value === undefined ? "" : JSON.stringify(value);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  if (tag !== undefined) headers["if-match"] = tag;
  const options = { socketPath: "/run/heye/agent.sock", method, path, headers, agent: false };
  const request = require("node:http").request(options, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (some) => { text += some; });
    response.on("end", () => resolve({ status: response.statusCode, tag: response.headers.etag, text }));
    response.on("error", () => resolve({ status: 0 }));
  });
  request.on("error", () => resolve({ status: 0 })).end(body);
});
const pause = () => new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
const counted = { accepted: 0, unknown: 0, overtaken: 0 };
const writes = async () => {
  for (let change = 0; change < Number(changes); change++) {
    const read = await ask("GET", place);
    if (read.status !== 200) { await pause(); continue; }
    const { status } = await ask("PUT", place, { weight: JSON.parse(read.text).weight + 1 }, read.tag);
    if (status >= 200 && status < 300) counted.accepted++;
    else if (status === 412) counted.overtaken++;
    else if (status < 400 || status >= 500) { counted.unknown++; await pause(); }
  }
};
(async () => {
  for (let tries = 0; tries < 60; tries++) {
    const { status } = await ask("POST", "/v1/virtual-servers", service);
    if (status === 201 || status === 409) break;
    await pause();
  }
  await Promise.all(Array.from({ length: Number(writers) }, writes));
  process.stdout.write(JSON.stringify(counted));
})();
`;

/** Whether a weight that was 1 is that of changes of which none was lost and none was made twice. */
export function isSum(weight: number, { accepted, unknown }: Counted): boolean {
  return weight >= 1 + accepted && weight <= 1 + accepted + unknown;
}

/** Writers on one director. */
export class ServiceWriters {
  #counted: Counted | undefined;

  constructor(
    private readonly chaos: ChaosCluster,
    private readonly director: string,
  ) {}

  /** Has all of them write. What they are answered is remembered, and no failure. */
  async write(): Promise<void> {
    const argv = [SERVICE, this.#server, WRITERS, CHANGES, PAUSE_MS].map(String);
    const { site } = this.chaos;
    const { stdout, stderr } = await site.lab.exec(this.director, [process.execPath, "-e", WRITE, ...argv], {
      timeoutMs: 120_000,
    });
    if (stdout === "") throw new Error(`writers on ${this.director} ended: ${stderr}`);
    this.#counted = counted.parse(JSON.parse(stdout));
  }

  /** Fails where a change that was accepted is not in the table, or the table is not what the agent says is declared. */
  async expectKept(): Promise<void> {
    const told = this.#counted;
    assert.ok(told && told.accepted > 0, "no change of a virtual server that others change too was accepted");
    const rule = `-a -t ${SERVICE}:80 -r ${this.#server}:80 -g -w `;
    const weightIn = (lines: readonly string[]) =>
      Number(lines.find((line) => line.startsWith(rule))?.slice(rule.length) ?? 0);
    await this.chaos.expectTables(
      (lines) => isSum(weightIn(lines), told),
      () => `${rule}1 and what was accepted of ${JSON.stringify(told)}`,
      this.#holders,
    );
    for (const director of this.#holders) {
      const lines = (await this.chaos.site.table(director)).split("\n");
      assert.equal(
        await this.#declared(director),
        weightIn(lines),
        `declared on ${director}, and in its table`,
      );
    }
    await this.#remove();
  }

  /** With files each director has what it was told itself. */
  get #holders(): readonly string[] {
    return this.chaos.etcd ? this.chaos.site.directorNames : [this.director];
  }

  get #server(): string {
    return this.chaos.site.address("rs1");
  }

  async #declared(director: string): Promise<number> {
    const path = `/v1/virtual-servers/tcp-${SERVICE}-80/real-servers/${this.#server}-80/weight`;
    const told = await this.chaos.site.on(director, AGENT, "api", "GET", path);
    return z.object({ weight: z.int() }).parse(JSON.parse(told)).weight;
  }

  async #remove(): Promise<void> {
    const argv = [AGENT, "api", "DELETE", `/v1/virtual-servers/tcp-${SERVICE}-80`];
    for (let tries = 1; ; tries++) {
      const { code, stdout, stderr } = await this.chaos.site.lab.exec(this.director, argv);
      if (code === 0 || stderr.includes(" 404 ")) return;
      if (tries === REMOVALS) throw new Error(`${argv.join(" ")} on ${this.director}: ${stdout}${stderr}`);
      await delay(1_000);
    }
  }
}
