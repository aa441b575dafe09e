import assert from "node:assert/strict";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { MYSQL_ACCOUNTS } from "../../lab/inventory";
import { Cluster, type ConnectionArgs, type HealthCheckArgs, VirtualServer } from "../../sdk";
import { Site } from "../lab/site";
import { ed25519Key } from "../unit/ed25519-key";
import { edgeOf, QUICK, succeeded } from "./edge";
import { type Outcome, TestStack } from "./stack";

/** Words that stand nowhere else on a director: one that is found there has come out of the program. */
const PLANTED = {
  passphrase: "planted-passphrase-71f3",
  otherPassphrase: "planted-passphrase-99aa",
  password: MYSQL_ACCOUNTS.password,
  wrongPassword: "planted-password-2b1d",
  header: "planted-header-5a9e",
  memberHeader: "planted-header-4c7b",
} as const;

/** Copies the arguments and the environment of every process, again and again, into a file on the director. */
const SAMPLE = `
while [ ! -e /tmp/sampled ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>/tmp/samples 2>/dev/null; sleep 0.01; done
wc -c </tmp/samples; rm /tmp/sampled
`;

describe("secrets", () => {
  let site: Site;
  let stack: TestStack;
  const outcomes: Outcome[] = [];
  let states = "";
  const key = ed25519Key({
    passphrase: PLANTED.passphrase,
    cipher: "aes256-cbc",
    rounds: 16,
  });
  /** One that opens nothing. */
  const strange = ed25519Key();

  before(async () => {
    site = await Site.up({ directors: 2, servers: 2 });
    stack = await TestStack.create("dev");
    for (const name of site.directorNames)
      await site.on(name, "sh", "-c", 'echo "$1" >>/etc/ssh/authorized_keys', "sh", key.public);
  });
  after(async () => {
    await stack?.remove();
    await site?.down();
  });

  const opens = { privateKey: key.private, privateKeyPassword: PLANTED.passphrase };
  const program =
    (changed: { login?: Partial<ConnectionArgs>; password?: string; path?: string } = {}): PulumiFn =>
    async () => {
      const { directors } = edgeOf(site);
      const cluster = new Cluster("edge", {
        connection: { ...opens, ...changed.login },
        directors: directors.map(({ name, connection: { privateKey: _, ...open } }) => ({
          name,
          connection: { ...open, ...(changed.login?.hostKey && { hostKey: changed.login.hostKey }) },
        })),
      });
      const http = (value: string): HealthCheckArgs => ({
        type: "http",
        method: "GET",
        path: changed.path ?? "/health",
        headers: { Authorization: value },
        bodyRegex: ".",
        ...QUICK,
        deadlineMs: 3_000,
      });
      new VirtualServer("web", {
        cluster,
        address: "192.0.2.10",
        port: 80,
        healthCheck: http(PLANTED.header),
        realServers: [
          { address: site.address("rs1"), drainMs: 0 },
          { address: site.address("rs2"), drainMs: 0, healthCheck: http(PLANTED.memberHeader) },
        ],
      });
      const password = changed.password ?? PLANTED.password;
      new VirtualServer("db", {
        cluster,
        address: "192.0.2.20",
        port: 3306,
        healthCheck: { type: "mysql", user: MYSQL_ACCOUNTS.user, password, ...QUICK },
        realServers: [{ address: site.address("db1"), drainMs: 0 }],
      });
    };
  const keep = async (outcome: Outcome): Promise<Outcome> => {
    outcomes.push(outcome);
    states += (await stack.state()).text;
    return outcome;
  };
  const fails = async (run: Promise<Outcome>, reason: RegExp): Promise<void> => {
    const outcome = await keep(await run);
    assert.equal(outcome.ok, false);
    assert.match(outcome.output, reason);
  };
  const secrets = (): string[] => {
    const keyLine = (text: string) => text.split("\n")[2] ?? assert.fail("no key");
    return [...Object.values(PLANTED), keyLine(key.private), keyLine(strange.private)];
  };
  const expectNone = (where: string, what: string): void => {
    for (const secret of secrets())
      assert.ok(!what.includes(secret), `${secret.slice(0, 22)}... is in ${where}`);
  };

  it("are in no process's arguments or environment on the directors while they are changed", async () => {
    await keep(await stack.preview(program()));
    const sampling = site.directorNames.map((name) =>
      site.lab.exec(name, ["sh", "-c", SAMPLE], { timeoutMs: 240_000 }),
    );
    succeeded(await keep(await stack.up(program())));
    for (const name of site.directorNames) await site.on(name, "touch", "/tmp/sampled");
    for (const { stdout } of await Promise.all(sampling)) assert.ok(Number(stdout) > 10_000, stdout);
    for (const name of site.directorNames) {
      const samples = await site.on(name, "cat", "/tmp/samples");
      assert.match(samples, /ipvsadm/);
      expectNone(`the processes of ${name}`, samples);
    }
  });

  it("are in no message of what fails: gate, login, key, host key", async () => {
    await site.lab.fault.setHealth("rs1", 503);
    for (const name of site.directorNames) await site.on(name, "ipvsadm", "-C");
    await keep(await stack.refresh());
    await fails(stack.up(program({ password: PLANTED.wrongPassword })), /Access denied for user/);
    await site.lab.fault.setHealth("rs1", 200);
    succeeded(await keep(await stack.up(program())));
    await fails(stack.up(program({ login: { privateKey: strange.private } })), /HEYE_LOGIN/);
    await fails(
      stack.up(program({ login: { privateKeyPassword: PLANTED.otherPassphrase } })),
      /HEYE_PRIVATE_KEY/,
    );
    const [, second] = site.lab.inventory.directors;
    await fails(stack.up(program({ login: { hostKey: second?.hostKey ?? "" } })), /HEYE_HOST_KEY/);
    await fails(stack.preview(program({ login: { port: -1 } })), /port/);
  });

  it("are in no preview that shows what changes beside them", async () => {
    const planned = await keep(await stack.preview(program({ path: "/other" })));
    assert.match(succeeded(planned).output, /path *: "\/health" => "\/other"/);
  });

  it("are in no file on the directors", async () => {
    const files = "find /var/lib/heye /run /tmp /etc/systemd -xdev -type f ! -name samples -exec cat {} +";
    for (const name of site.directorNames) {
      const text = await site.on(name, "sh", "-c", `${files} 2>/dev/null || :`);
      assert.match(text, /VirtualServer|"resource":"web"/);
      expectNone(`files on ${name}`, text);
    }
  });

  it("are in nothing that was printed, and in no state in the clear", async () => {
    await keep(await stack.refresh());
    succeeded(await keep(await stack.destroy()));
    await site.expectEmpty();
    // Debug messages of Pulumi's own SDK hold every resource in full, whatever the provider; they are shown to nobody.
    const shown = ({ events }: Outcome) =>
      events.filter(({ diagnosticEvent }) => String(diagnosticEvent?.severity) !== "debug");
    expectNone("what was printed", outcomes.map((one) => one.output + JSON.stringify(shown(one))).join("\n"));
    assert.match(states, /heye:VirtualServer/);
    expectNone("a state", states);
  });
});
