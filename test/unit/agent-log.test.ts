import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import { join } from "node:path";
import pino from "pino";
import type { Store } from "../../agent";
import { putVirtualServer, removeVirtualServer } from "../../director";
import { type Dial, directDial } from "../../health";
import { type HealthCheck, healthCheck } from "../../spec";
import { AgentSite, until, virtualServer } from "./agent-site";
import { apiClient } from "./api-client";
import { greeting, ok, packet } from "./mysql-packets";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const [PASSWORD, HEADER] = ["planted-Pa55word", "planted-hea4er"];
const TIMES = { intervalMs: 20, timeoutMs: 2_000, rise: 1, fall: 2, deadlineMs: 2_000 };
const check = (of: object) => healthCheck.parse({ ...TIMES, ...of }) as HealthCheck;
const HTTP = check({ type: "http", path: "/health", method: "GET", headers: { "X-Key": HEADER } });
const MYSQL = check({ type: "mysql", user: "probe", password: PASSWORD });
const WEB = "tcp 192.0.2.1:80";
const DB = "tcp 192.0.2.2:3306";

describe("the log of an agent", () => {
  const said: string[] = [];
  /** Both servers send back what they are told, and what they know: whoever asks has to keep it to himself. */
  let isWell = true;
  const web = http.createServer((request, response) => {
    const key = String(request.headers["x-key"]);
    response.writeHead(isWell ? 200 : 500, key, { "x-key": key }).end(`no such key as ${key}`);
  });
  const database = net.createServer((socket) => {
    socket.on("error", () => undefined).write(greeting("mysql_native_password"));
    const refuse = () => socket.end(packet(2, [0xff, 0x15, 0x04], `#28000no entry with ${PASSWORD}`));
    socket.on("data", (data) => (isWell ? socket.write(ok((data[3] ?? 0) + 1)) : refuse()));
  });
  const ports = new Map<string, net.Server>([
    ["10.0.0.1", web],
    ["10.0.0.2", database],
  ]);
  const near = directDial();
  const dial: Dial = ({ address }, signal) => {
    const server = ports.get(address);
    assert.ok(server, address);
    const { port } = server.address() as net.AddressInfo;
    return near({ address: "127.0.0.1", port }, signal);
  };
  let site: AgentSite;

  beforeEach(async () => {
    for (const server of ports.values()) await once(server.listen(0, "127.0.0.1"), "listening");
    said.length = 0;
    isWell = true;
    site = await AgentSite.up(
      (one) => {
        one.log = pino({ base: null }, { write: (line: string) => void said.push(line) });
      },
      { dial },
    );
  });
  afterEach(async () => {
    await site.down();
    web.closeAllConnections();
    for (const server of ports.values()) server.close();
  });

  const member = (address: string, port: number) =>
    ({ address, port, weight: 1, forwarding: "nat" }) as const;
  const put = async () => {
    const director = site.director();
    const shop = virtualServer([member("10.0.0.1", 80)], { healthCheck: HTTP });
    const place = { address: "192.0.2.2", port: 3306 };
    const store = virtualServer([member("10.0.0.2", 3306)], { ...place, healthCheck: MYSQL });
    await director.change(putVirtualServer(ME, WEB, shop, { known: false }));
    await director.change(putVirtualServer(ME, DB, store, { known: false }));
  };
  const events = () => said.map((line) => (JSON.parse(line) as { event: string }).event);
  const saw = (event: string, times = 1) =>
    until(
      () => events().filter((one) => one === event).length >= times,
      () => `${event} ${times} times in\n${said.join("")}`,
    );
  /** A half of one is too much as well. */
  const expectNoSecret = (texts: readonly string[]) => {
    const base64 = [PASSWORD, HEADER].map((secret) => Buffer.from(secret).toString("base64"));
    for (const text of texts)
      for (const form of ["planted", "Pa55word", "hea4er", ...base64]) assert.ok(!text.includes(form), text);
  };

  it("has no secret of a check: not of servers that send it back, of changes, of a kernel and a disk that refuse", async () => {
    await put();
    await saw("declared", 2);
    isWell = false;
    await saw("down", 2);
    isWell = true;
    await saw("up", 2);
    await site.keeper.drain("10.0.0.1:80", undefined, "start");
    // Neither the kernel nor the disk takes it.
    const real = site.kernel.write.bind(site.kernel);
    site.kernel.write = async () => "Memory allocation problem";
    site.kernel.set("");
    await site.keeper.reconcile().catch(() => undefined);
    site.kernel.write = real;
    await site.keeper.reconcile();
    await saw("repair");
    const full = async () => {
      throw new Error("ENOSPC: no space left on device");
    };
    await site.stop();
    await site.start({ dial, store: (store) => ({ ...taking(store), commit: full, saveHealth: full }) });
    const gone = removeVirtualServer(ME, WEB, { resource: "web", token: "t1" });
    await assert.rejects(site.director().change(gone));
    await site.stop();
    await site.start({ dial });
    const expected = ["change", "drain", "record", "repair", "request", "resume"];
    const seen = new Set(events());
    assert.deepEqual(
      expected.filter((one) => !seen.has(one)),
      [],
      [...seen].join(" "),
    );
    expectNoSecret(said);
  });

  it("has none of what the API is told either, taken or refused", async () => {
    const api = apiClient(site.socket);
    const body = {
      ...{
        address: "192.0.2.1",
        port: 80,
        healthCheck: { ...TIMES, type: "http", headers: { "X-Key": HEADER } },
      },
      realServers: [{ address: "10.0.0.1" }],
    };
    assert.equal((await api.post("/v1/virtual-servers", { body })).status, 201);
    const bad = { ...body, port: 81, healthCheck: { type: "mysql", passwort: PASSWORD, user: [PASSWORD] } };
    assert.equal((await api.post("/v1/virtual-servers", { body: bad })).status, 422);
    isWell = false;
    const failing = { ...body, port: 82 };
    assert.equal((await api.post("/v1/virtual-servers", { body: failing })).status, 422);
    isWell = true;
    site.kernel.write = async () => {
      throw new Error("Operation not permitted");
    };
    const refused = await api.post("/v1/virtual-servers", { body: failing });
    assert.equal(refused.status, 500, JSON.stringify(refused.body));
    await saw("request");
    await saw("declared");
    expectNoSecret(said);
  });

  it("has none of a file that somebody has damaged, when the agent does not start for that", async () => {
    await put();
    await site.stop();
    const files = {
      registry: join(site.folder, "registry"),
      journal: join(site.folder, "agent", "journal.json"),
    };
    const registry = readFileSync(files.registry, "utf8");
    const messages: string[] = [];
    const startWith = async (file: string, texts: readonly string[]) => {
      const before = file === files.registry ? registry : "";
      for (const text of texts) {
        writeFileSync(file, text);
        messages.push(
          await site.start({ dial }).then(
            () => assert.fail(`it starts with ${text}`),
            ({ message }: Error) => message,
          ),
        );
      }
      writeFileSync(file, before);
    };
    const around = [PASSWORD, HEADER].flatMap((secret) => {
      const at = registry.indexOf(secret);
      assert.ok(at > 0);
      return [registry.slice(at - 5), `${registry.slice(0, at)}\n`, registry.slice(at), `{${secret}`];
    });
    await startWith(files.registry, around);
    const journals = [PASSWORD, HEADER].flatMap((secret) => [
      `{"after":"${secret}"]`,
      `{"after":${secret}}`,
      JSON.stringify({ after: secret, scope: secret }),
      JSON.stringify({ after: { [secret]: secret }, scope: [] }),
    ]);
    await startWith(files.journal, journals);
    expectNoSecret(messages);
    writeFileSync(files.journal, "");
  });
});

function taking(store: Store): Store {
  return {
    load: () => store.load(),
    begin: (journal) => store.begin(journal),
    commit: (registry) => store.commit(registry),
    saveHealth: (record) => store.saveHealth(record),
  };
}
