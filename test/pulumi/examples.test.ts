import assert from "node:assert/strict";
import { Site } from "../lab/site";
import { ExampleStack } from "./example-stack";
import type { Outcome } from "./stack";

/** The lab's virtual addresses. */
const PREFIX = "192.0.2.0/24";

describe("the example datacenter, on a lab", () => {
  let site: Site;
  let stack: ExampleStack;
  before(async () => {
    site = await Site.up({ directors: 3, servers: 2 });
    stack = await ExampleStack.create("datacenter", configOf(site));
  });
  after(async () => {
    await stack?.remove();
    await site?.down();
  });

  it("brings up its directors behind the bastion, and both services work", async () => {
    const sysctl = () => site.on("d3", "cat", "/proc/sys/net/ipv4/vs/sloppy_tcp");
    assert.equal((await sysctl()).trim(), "0");
    assert.deepEqual(succeeded(await stack.up()).steps, { create: 4 });
    const [first, ...others] = await site.tables();
    assert.match(first ?? "", /^-A -t 192\.0\.2\.10:80 -s mh -b mh-fallback,mh-port$/m);
    assert.match(first ?? "", /^-A -t 192\.0\.2\.20:3306 -s lc$/m);
    for (const table of others) assert.equal(table, first);
    assert.equal((await sysctl()).trim(), "1");
    const answers = await site.requests("http://192.0.2.10/", 30);
    assert.deepEqual([...answers.keys()].sort(), ["rs1", "rs2"]);
    const { services, webServerSetup } = await stack.outputs();
    assert.deepEqual(services?.value, ["tcp 192.0.2.10:80", "tcp 192.0.2.20:3306"]);
    assert.match(String(webServerSetup?.value), /192\.0\.2\.10\/32/);
  });

  it("has nothing to do in a second preview", async () => {
    assert.deepEqual(succeeded(await stack.preview()).steps, {});
  });

  it("gives everything back when it is destroyed, and declares the same by a YAML file", async () => {
    const tables = await site.tables();
    succeeded(await stack.destroy());
    await site.expectEmpty();
    assert.deepEqual(
      ["rs1", "rs2"].map((name) => site.address(name)),
      ["10.20.1.2", "10.20.1.3"],
    );
    await stack.set("servicesFile", "services.yaml");
    assert.deepEqual(succeeded(await stack.up()).steps, { create: 5 });
    assert.deepEqual(await site.tables(), tables);
    assert.deepEqual(succeeded(await stack.preview()).steps, {});
    succeeded(await stack.destroy());
    await site.expectEmpty();
    assert.equal((await site.on("d3", "cat", "/proc/sys/net/ipv4/vs/sloppy_tcp")).trim(), "0");
  });
});

describe("the example bootstrap, on a lab", () => {
  let site: Site;
  let stack: ExampleStack;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 2, database: false });
    const { directors } = site.lab.inventory;
    const values = {
      directors: directors.map(({ name, host, port, hostKey }) => ({ name, host, port, hostKey })),
      prefix: PREFIX,
      address: "192.0.2.10",
      servers: ["rs1", "rs2"].map((name) => site.address(name)),
    };
    const secrets = { sshKey: directors[0]?.privateKey ?? "" };
    const plugins = { "pulumi-resource-command": "command-plugin.sh" };
    stack = await ExampleStack.create("bootstrap", { values, secrets }, plugins);
  });
  after(async () => {
    await stack?.remove();
    await site?.down();
  });

  it("prepares hosts before it uses them, and they serve", async () => {
    const routes = (name: string) => site.on(name, "ip", "route", "show", "table", "local", PREFIX);
    for (const name of site.directorNames) {
      await site.on(name, "ip", "route", "del", "local", PREFIX, "dev", "lo");
      assert.equal(await routes(name), "");
    }
    assert.deepEqual(succeeded(await stack.up()).steps, { create: 5 });
    for (const name of site.directorNames) assert.match(await routes(name), /^local 192\.0\.2\.0\/24 dev lo/);
    const answers = await site.requests("http://192.0.2.10/", 12);
    assert.deepEqual([...answers.keys()].sort(), ["rs1", "rs2"]);
    assert.deepEqual(succeeded(await stack.preview()).steps, {});
  });

  it("leaves nothing of ours when it is destroyed", async () => {
    succeeded(await stack.destroy());
    await site.expectEmpty();
  });
});

/** The lab as a site: its directors by their management addresses, reached through the first of them. */
function configOf(site: Site) {
  const { directors, mysql } = site.lab.inventory;
  const [bastion] = directors;
  assert.ok(bastion && mysql);
  return {
    values: {
      directors: directors.map(({ name, hostKey }, index) => ({
        name,
        host: `10.99.0.${index + 1}`,
        hostKey,
      })),
      bastion: { host: bastion.host, port: bastion.port, hostKey: bastion.hostKey },
      webAddress: "192.0.2.10",
      webServers: ["rs1", "rs2"].map((name) => site.address(name)),
      databaseAddress: "192.0.2.20",
      databaseServers: [site.address("db1")],
      canaryMs: 1,
    },
    secrets: { sshKey: bastion.privateKey, databasePassword: mysql.password },
  };
}

function succeeded(outcome: Outcome): Outcome {
  assert.equal(outcome.ok, true, outcome.output);
  return outcome;
}
