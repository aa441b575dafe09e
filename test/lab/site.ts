import assert from "node:assert/strict";
import { type Director, desiredService, type Registration } from "../../director";
import { findService, plan, renderTable } from "../../ipvs";
import { Lab, type LabOptions } from "../../lab";
import { Fleet, handlerFor, type ResourceKind } from "../../provider";
import type { ClusterHandle } from "../../provider/fleet";
import type { Properties, ResourceHandler } from "../../provider/handler";

/** A check that answers at once, so that tests do not wait for what they do not test. */
export const QUICK = { intervalMs: 50, timeoutMs: 2_000, rise: 1, deadlineMs: 15_000 };

/**
 * How long servers that leave are given where a test says nothing of it, in ms. They go in two steps, as they always do,
 * and nobody waits for what the kernel remembers of connections: half a minute of udp, marks and persistence. What
 * drains itself is tested in test/pulumi/drain.test.ts.
 */
const DRAIN_MS = 300;

/** Asks a URL so many times, each time over a new connection, and prints what it got. Runs inside the lab. */
const ASK = `
const [url, count] = process.argv.slice(1);
const ask = () => new Promise((resolve, reject) => {
  const options = { agent: false, timeout: 5000 };
  const request = require("node:http").get(url, options, (response) => {
    response.setEncoding("utf8").on("data", (text) => process.stdout.write(text)).on("end", resolve);
  });
  request.on("timeout", () => request.destroy(new Error("no answer within 5 s"))).on("error", reject);
});
(async () => { for (let i = 0; i < Number(count); i++) await ask(); })();
`;

/** A lab with the resource handlers on it, as the provider process has them, but without Pulumi. */
export class Site {
  readonly fleet = new Fleet();
  readonly cluster: ClusterHandle;
  /** Looks at directors through sessions of its own, as a second pair of eyes. */
  readonly #observer = new Fleet();
  readonly #directors: readonly Director[];

  private constructor(readonly lab: Lab) {
    this.cluster = {
      id: "test-1",
      label: "tests Cluster test",
      directors: lab.inventory.directors.map(({ name, host, port, user, privateKey, hostKey }) => ({
        name,
        connection: { host, port, user, privateKey, hostKey, dialErrorLimit: 1 },
      })),
    };
    this.#directors = this.#observer.of(this.cluster);
  }

  static async up(options: LabOptions = {}): Promise<Site> {
    return new Site(await Lab.up(options));
  }

  async down(): Promise<void> {
    await Promise.all([this.fleet.close(), this.#observer.close()]);
    await this.lab.down();
  }

  get directorNames(): string[] {
    return this.lab.inventory.directors.map(({ name }) => name);
  }

  /** Address of a server of the lab, in either family. */
  address(server: string, family: "ipv4" | "ipv6" = "ipv4"): string {
    const found = this.lab.inventory.servers.find(({ name }) => name === server);
    assert.ok(found, server);
    return family === "ipv4" ? found.address : found.address6;
  }

  /** Inputs as `check` leaves them; fails the test when they are not valid. */
  inputs(kind: ResourceKind, properties: Properties, fleet = this.fleet): Properties {
    const given = { cluster: this.cluster, ...withDrain(kind, properties) };
    const { inputs, problems } = handlerFor(kind, fleet).check(given);
    assert.deepEqual(problems, []);
    return JSON.parse(JSON.stringify(inputs)) as Properties;
  }

  /** A handler, and a resource made by it whose closing proves that applying again would change nothing. */
  async create(kind: ResourceKind, properties: Properties): Promise<Made> {
    const handler = handlerFor(kind, this.fleet);
    const inputs = this.inputs(kind, properties);
    const { id, outputs } = await handler.create(inputs);
    return new Made(this, handler, id, outputs, inputs);
  }

  /** What a director's kernel holds, as `ipvsadm --save -n` prints it: read past all code under test. */
  async table(director: string): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(director, ["ipvsadm", "--save", "-n"]);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** The tables of all directors. */
  async tables(): Promise<string[]> {
    return Promise.all(this.directorNames.map((name) => this.table(name)));
  }

  /** The table of a director, and the moment at which its registry was last written. */
  snapshot(director: string): Promise<string> {
    return this.on(director, "sh", "-c", "ipvsadm --save -n; stat -c '%i %z' /var/lib/heye/registry");
  }

  /** Snapshots of all directors. */
  snapshots(): Promise<string[]> {
    return Promise.all(this.directorNames.map((name) => this.snapshot(name)));
  }

  /** Makes directors forget everything, after a case that failed half way. */
  async wipe(): Promise<void> {
    for (const name of this.directorNames)
      await this.on(name, "sh", "-c", "ipvsadm -C; rm -rf /var/lib/heye");
  }

  /** Runs a command on a director and expects it to succeed. */
  async on(node: string, ...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(node, argv);
    assert.equal(code, 0, `${argv.join(" ")} on ${node}: ${stderr}`);
    return stdout;
  }

  /** Answers of `count` HTTP requests from the client, counted by the server that gave them. */
  async requests(url: string, count: number): Promise<Map<string, number>> {
    const argv = [process.execPath, "-e", ASK, url, String(count)];
    const { code, stdout, stderr } = await this.lab.exec("client", argv);
    assert.equal(code, 0, stderr);
    const answers = new Map<string, number>();
    for (const name of stdout.trim().split("\n")) answers.set(name, (answers.get(name) ?? 0) + 1);
    return answers;
  }

  /** Fails unless every director holds exactly what is registered on it for this virtual server. */
  async expectSettled(key: string): Promise<void> {
    for (const director of this.#directors) {
      const { registry, table } = await director.read();
      const registration: Registration | undefined = Object.values(registry.owners)
        .map((owner) => owner.virtualServers[key])
        .find((found) => found !== undefined);
      const found = findService(table, key);
      const desired = registration ? [desiredService(registration, found, registration.members)] : [];
      assert.deepEqual(plan(table, desired, new Set([key])), [], renderTable(table));
    }
  }

  /** Fails unless no director holds anything of ours. */
  async expectEmpty(): Promise<void> {
    const left = "ipvsadm --save -n; ls -A /var/lib/heye 2>/dev/null || :";
    for (const name of this.directorNames) assert.equal(await this.on(name, "sh", "-c", left), "", name);
  }
}

function withDrain(kind: ResourceKind, properties: Properties): Properties {
  if (kind === "RealServer") return { drainMs: DRAIN_MS, ...properties };
  const { realServers } = properties;
  if (!Array.isArray(realServers)) return properties;
  return { ...properties, realServers: realServers.map((one: object) => ({ drainMs: DRAIN_MS, ...one })) };
}

/** Properties of a state that no program declares. */
const OUTPUTS = [
  ...["key", "token", "effectiveWeight", "effectiveWeights"],
  ...["gate", "behind", "drift", "unreachable"],
];

/** A resource made by a handler. */
export class Made {
  constructor(
    private readonly site: Site,
    private readonly handler: ResourceHandler,
    readonly id: string,
    public state: Properties,
    public inputs: Properties,
  ) {}

  /** Changes it, as `up` does after a changed program. */
  async update(changes: Properties): Promise<void> {
    const declared = Object.fromEntries(
      Object.entries(this.state).filter(([property]) => !OUTPUTS.includes(property)),
    );
    const kind = this.id.split("/").length === 3 ? "RealServer" : "VirtualServer";
    const inputs = this.site.inputs(kind, { ...declared, ...changes });
    this.state = await this.handler.update(this.id, this.state, inputs);
    this.inputs = inputs;
  }

  /** What `refresh` would find. */
  async read(): Promise<Properties | undefined> {
    return (await this.handler.read(this.id, this.state))?.outputs;
  }

  /** Applies the same again and proves that no director was written to, nor needed to be; then deletes it. */
  close(): Promise<void> {
    return Made.closeAll(this.site, [this]);
  }

  /** The same for several at once, each of another virtual server: groups of changes cost as much as one. */
  static async closeAll(site: Site, made: readonly Made[]): Promise<void> {
    for (const { id } of made) await site.expectSettled(id.split("/")[1] ?? "");
    const before = await site.snapshots();
    await Promise.all(made.map(({ handler, id, state, inputs }) => handler.update(id, state, inputs)));
    assert.deepEqual(await site.snapshots(), before, "applying again wrote to a director");
    for (const { handler, id, state, inputs } of made)
      assert.equal(handler.diff(state, inputs).changes, false, id);
    await Promise.all(made.map(({ handler, id, state }) => handler.delete(id, state)));
  }
}
